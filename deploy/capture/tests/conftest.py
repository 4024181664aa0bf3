"""Models of a few thousand random weights, made here; nothing is downloaded."""

import os

os.environ.update(OMP_NUM_THREADS="1", HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", TOKENIZERS_PARALLELISM="false")

import json
import types
from urllib.parse import quote

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from ontogeny_capture import command
from ontogeny_capture.tiny import make_tokenizer

torch.set_num_threads(1)

STEPS = (0, 10, 20)
WIDTH, HEADS, POSITIONS, VOCABULARY = 16, 4, 48, 320
COMMON = dict(
    hidden_size=WIDTH, num_hidden_layers=2, num_attention_heads=HEADS, intermediate_size=24, max_position_embeddings=POSITIONS, vocab_size=VOCABULARY,
    bos_token_id=0, eos_token_id=0, pad_token_id=0,
)
GROUPED = {**COMMON, "num_key_value_heads": 2}
# {name: (model_type, configuration)}, every architecture that sites.FAMILIES knows.
ARCHITECTURES = {
    "gpt2": ("gpt2", dict(n_embd=WIDTH, n_layer=2, n_head=HEADS, n_positions=POSITIONS, vocab_size=VOCABULARY, bos_token_id=0, eos_token_id=0)),
    "gpt_neox": ("gpt_neox", COMMON),
    "gpt_neox_sequential": ("gpt_neox", {**COMMON, "use_parallel_residual": False}),
    "llama": ("llama", GROUPED),
    "mistral": ("mistral", GROUPED),
    "qwen2": ("qwen2", GROUPED),
    "qwen3": ("qwen3", {**GROUPED, "head_dim": 6}),
    "olmo": ("olmo", COMMON),
    "olmo2": ("olmo2", COMMON),
    "olmo3": ("olmo3", COMMON),
    "gemma": ("gemma", {**GROUPED, "head_dim": 6, "hidden_activation": "gelu_pytorch_tanh"}),
    "gemma2": ("gemma2", {**GROUPED, "head_dim": 6}),
    "gemma3_text": ("gemma3_text", {**GROUPED, "head_dim": 6}),
    "gemma3": (
        "gemma3",
        dict(
            text_config={**GROUPED, "head_dim": 6},
            vision_config=dict(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, image_size=28, patch_size=14),
            image_token_index=VOCABULARY - 1, boi_token_index=VOCABULARY - 2, eoi_token_index=VOCABULARY - 3, mm_tokens_per_image=4,
        ),
    ),
}
WORDS = "river garden Ada Ben saw a cat and the owl near café ☕ 日本 one two three four".split()


def random_model(architecture, seed=0):
    from transformers import AutoModelForCausalLM
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    kind, options = ARCHITECTURES[architecture]
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(CONFIG_MAPPING[kind](**options)).eval()
    with torch.no_grad():
        # Norms and biases begin as ones and zeros, which would hide that one was forgotten.
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return model


def texts(number=24, seed=0):
    draw = np.random.default_rng(seed)
    for i in range(number):
        yield {
            "text": " ".join(draw.choice(WORDS, draw.integers(1, 16))),
            "topic": ("water", "plants", None)[i % 3],
            "grade": i / 4,
            "name": f"text-{i}",
        }


def write_jsonl(path, rows):
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def tokenizer():
    return make_tokenizer([row["text"] for row in texts(200, seed=1)], VOCABULARY)


@pytest.fixture(scope="session")
def dataset(tmp_path_factory):
    return write_jsonl(tmp_path_factory.mktemp("data") / "texts.jsonl", texts())


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory, tokenizer):
    """A function that gives a folder with step0, step10 and step20 of an architecture."""
    made = {}

    def folder(architecture):
        if architecture not in made:
            made[architecture] = tmp_path_factory.mktemp(architecture)
            for seed, step in enumerate(STEPS):
                random_model(architecture, seed).save_pretrained(made[architecture] / f"step{step}")
                tokenizer.save_pretrained(made[architecture] / f"step{step}")
        return made[architecture]

    return folder


@pytest.fixture
def run(capsys):
    """The command: gives its exit code and what it wrote."""

    def call(*arguments):
        capsys.readouterr()
        code = 0
        try:
            command.main([str(a) for a in arguments])
        except SystemExit as exit:
            code = exit.code
        out, err = capsys.readouterr()
        return types.SimpleNamespace(code=code, out=out, err=err)

    return call


@pytest.fixture
def capture(run, dataset, tmp_path):
    """Captures with defaults that a test may override with None; gives the folder."""

    def call(*arguments, out=None, **options):
        out = out or tmp_path / "capture"
        options = {"dataset": dataset, "tokens": "all", "dtype": "float32", **options}
        given = [a for name, value in options.items() if value is not None for a in (f"--{name.replace('_', '-')}", value)]
        result = run(*arguments, *given, "--out", out)
        assert result.code == 0, result.err
        call.told = result.err
        return out

    return call


def files(out, site, checkpoint):
    folder = out / f"site={quote(site)}" / f"checkpoint={checkpoint}"
    assert (folder / "_SUCCESS").exists()
    return sorted(folder.glob("part-*.parquet"))


def table(out, site, checkpoint):
    """The rows of a site at a checkpoint as {column: list}, vectors as one matrix."""
    import pyarrow as pa

    found = pa.concat_tables(pq.ParquetFile(f).read() for f in files(out, site, checkpoint))
    rows = {name: found[name].to_pylist() for name in found.column_names}
    return rows | {name: np.array(rows[name]) for name in ("activation", "gradient") if name in rows}
