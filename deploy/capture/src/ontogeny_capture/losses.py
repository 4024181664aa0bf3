"""Losses of the next token."""

import torch

# Rows of logits that are made float32 at a go: a vocabulary may have 250,000 entries.
CHUNK_NUMBERS = 1 << 26


def next_token_losses(logits, ids, kept):
    """[documents, positions]: -log p(token t+1) at t; NaN at the last token of a document and where there is padding."""
    documents, positions = ids.shape
    losses = torch.full((documents, positions), float("nan"), dtype=torch.float32, device=logits.device)
    chunk = max(1, CHUNK_NUMBERS // (documents * logits.shape[-1]))
    parts = [losses[:, :0]]
    for start in range(0, positions - 1, chunk):
        stop = min(start + chunk, positions - 1)
        here = logits[:, start:stop].float()
        part = torch.nn.functional.cross_entropy(here.flatten(0, 1), ids[:, start + 1 : stop + 1].flatten(), reduction="none")
        parts.append(part.reshape(documents, stop - start))
    parts.append(losses[:, :1])
    found = torch.cat(parts, dim=1)
    last = torch.zeros_like(kept)
    last[:, :-1] = kept[:, 1:]
    return torch.where(kept & last, found, losses)
