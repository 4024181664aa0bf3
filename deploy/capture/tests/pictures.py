"""A loader for --loader: a vision model and its pictures."""

import numpy as np
import torch
from transformers import ViTForImageClassification

from ontogeny_capture import Document, Loader

SIZE, PATCH = 12, 4


class Pictures(Loader):
    def model(self, checkpoint):
        return ViTForImageClassification.from_pretrained(checkpoint)

    def documents(self):
        for i, pixels in enumerate(np.random.default_rng(0).normal(size=(7, 3, SIZE, SIZE)).astype(np.float32)):
            yield Document({"pixel_values": pixels, "labels": np.int64(i % 3)}, positions=1 + (SIZE // PATCH) ** 2, labels={"kind": f"kind {i % 3}"})

    def loss(self, model, inputs):
        logits = model(pixel_values=inputs["pixel_values"]).logits
        return torch.nn.functional.cross_entropy(logits, inputs["labels"], reduction="none")


class Changing(Pictures):
    calls = 0

    def documents(self):
        Changing.calls += 1
        for document in super().documents():
            yield Document({**document.inputs, "labels": np.int64(Changing.calls % 3)}, document.positions)


class Wordless(Loader):
    """A plain module of one's own that reads token ids and gives logits."""

    def model(self, checkpoint):
        torch.manual_seed(int(checkpoint.rstrip("/")[-1]))
        return torch.nn.Sequential(torch.nn.Embedding(320, 8), torch.nn.Linear(8, 8), torch.nn.Tanh(), torch.nn.Linear(8, 320))


def nothing():
    return None


class InPlace(Loader):
    """A model that overwrites what one of its modules gave."""

    def model(self, checkpoint):
        torch.manual_seed(3)
        return torch.nn.Sequential(torch.nn.Embedding(320, 8), torch.nn.Linear(8, 8), torch.nn.ReLU(inplace=True), torch.nn.Linear(8, 320))
