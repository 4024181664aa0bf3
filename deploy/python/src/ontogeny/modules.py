"""Dictionaries as torch modules."""

import numpy as np
import torch

from .dictionary import ABOVE_THRESHOLD, BY_SOURCE, POSITIVE, Dictionary


class DictionaryModule(torch.nn.Module):
    """See `Dictionary.torch`."""

    def __init__(self, dictionary: Dictionary):
        super().__init__()
        self.type = dictionary.type
        self.k = dictionary.metadata["k"]
        self.slices = dictionary.slices()
        for name, values in dictionary.tensors.items():
            if not name.startswith("probe_"):
                self.register_parameter(name, torch.nn.Parameter(torch.from_numpy(np.array(values))))
        self.register_buffer("column_scale", torch.from_numpy(np.array(dictionary.column_scale())), persistent=False)

    def gates(self) -> torch.Tensor:
        """What a code has to exceed to count at each source, [S, F], of a type with gates by source."""
        norms = torch.stack([self.W_dec[:, columns].norm(dim=1) for columns in self.slices])
        return torch.where(norms > 0, self.threshold / norms, torch.inf)

    def encode(self, inputs: torch.Tensor) -> torch.Tensor:
        """Codes [n, F] of inputs [n, D]."""
        pre = ((inputs - self.input_mean) * self.column_scale - self.b_dec) @ self.W_enc + self.b_enc
        if self.type in ABOVE_THRESHOLD:
            return torch.where(pre > self.threshold, pre, 0)
        if self.type in BY_SOURCE:
            return torch.where((pre > self.gates()[:, None, :]).any(dim=0), pre, 0)
        positive = pre.relu()
        if self.type in POSITIVE or self.k >= positive.shape[1]:
            return positive
        values, latents = positive.topk(self.k, dim=1)
        return torch.zeros_like(positive).scatter(1, latents, values)

    def decode(self, codes: torch.Tensor) -> torch.Tensor:
        """Reconstructions [n, D] of codes [n, F]."""
        if self.type in BY_SOURCE:
            parts = [torch.where(codes > gate, codes, 0) @ self.W_dec[:, columns] for gate, columns in zip(self.gates(), self.slices)]
            scaled = torch.cat(parts, dim=1)
        else:
            scaled = codes @ self.W_dec
        return (scaled + self.b_dec) / self.column_scale + self.input_mean

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.decode(self.encode(inputs))
