"""Trains dictionaries of every type, exports them in every format and opens them by the other library's own loader; then imports
what the other library itself writes.

    peers.py DATASET WORK    a published dataset, and an empty folder for all that is made of it

On the probe batch that every dictionary has, as it was captured: codes are equal, reconstructions to 1e-5 of their size.
"""

import json
import math
import os
import pathlib
import subprocess
import sys

# sparsify decodes by a kernel for GPUs wherever Triton can be imported.
os.environ["SPARSIFY_DISABLE_TRITON"] = "1"

import numpy as np
import torch
from dictionary_learning.utils import load_dictionary
from llamascopium.models.crosscoder import Crosscoder
from llamascopium.models.sae import SAEConfig, SparseAutoEncoder
from sae_lens import SAE
from safetensors.numpy import load_file
from sparsify import SparseCoder

DATASET, WORK = sys.argv[1], pathlib.Path(sys.argv[2])
ONTOGENY = str(pathlib.Path(__file__).resolve().parent.parent / "deploy" / "ontogeny")
SITES = json.loads((pathlib.Path(DATASET) / "_manifest.json").read_text())["summary"]["sites"]
SHORT = ["replicas=1", f"checkpoints={SITES[0]['checkpoints'][-2:]}", "training.tokens=60000", "training.dead-window=20000"]
TYPES = "{type=batch-top-k,width=256,k=8},{type=matryoshka-batch-top-k,width=256,k=8},{type=jump-relu,width=256},{type=relu,width=256},{type=pca,width=64}"
OPENED = []
PLAIN = "{type=top-k,width=256,k=8},{type=k-means,width=64},"


def ontogeny(*arguments):
    subprocess.run([ONTOGENY, *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)


def train(name, *settings):
    ontogeny("train", "--set", f"dataset={DATASET}", "--output", WORK / name, *sum((["--set", each] for each in [*SHORT, *settings]), []))
    return [path.parent.name for path in sorted((WORK / name).glob("*/dictionary.json"))]


def probe(name, dictionary):
    """Input, code and reconstruction as our own arithmetic has them, all in float32; and the description."""
    tensors = load_file(WORK / name / dictionary / "dictionary.safetensors")
    said = json.loads((WORK / name / dictionary / "dictionary.json").read_text())
    return tensors, said


# How each library opens a folder and what it makes of rows: codes and reconstructions.


def saelens(folder, rows):
    sae = SAE.load_from_disk(str(folder))
    codes = sae.encode(rows)
    return codes, sae.decode(codes)


def dictionary_learning(folder, rows):
    dictionary, _ = load_dictionary(str(folder), "cpu")
    codes = dictionary.encode(rows)
    return codes, dictionary.decode(codes)


def sparsify(folder, rows):
    coder = SparseCoder.load_from_disk(folder)
    values, indices, _ = coder.encode(rows)
    codes = torch.zeros(len(rows), coder.num_latents).scatter_(1, indices, values)
    return codes, coder.decode(values, indices)


def llamascopium(folder, rows):
    said = json.loads((folder / "config.json").read_text())
    if said["sae_type"] == "sae":
        sae = SparseAutoEncoder.from_local(str(folder))
        codes = sae.encode(sae.normalize_activations({said["hook_point_in"]: rows})[said["hook_point_in"]])
        decoded = sae.decode(codes)
        if said["act_fn"] == "topk" and said["sparsity_include_decoder_norm"]:
            codes = codes * sae.decoder_norm()  # what it compares; ours compares codes
        return codes, decoded / sae.compute_norm_factor(decoded, said["hook_point_out"])
    crosscoder = Crosscoder.from_local(str(folder))
    parts = rows.split(said["d_model"], dim=1)
    scaled, scales = crosscoder.normalize_activations(dict(zip(said["hook_points"], parts, strict=True)), return_scale_factor=True)
    stacked, *_ = crosscoder.prepare_input(scaled)
    codes = crosscoder.encode(stacked)
    decoded = crosscoder.decode(codes).unbind(dim=1)
    back = crosscoder.denormalize_activations(dict(zip(said["hook_points"], decoded, strict=True)), scales)
    # A code counts where any source's does.
    return codes.amax(dim=1), torch.cat([back[hook] for hook in said["hook_points"]], dim=1)


def safetensors(folder, rows):
    """No library, but the rule that its config.json states."""
    said = json.loads((folder / "config.json").read_text())
    t = {name: torch.from_numpy(values) for name, values in load_file(folder / "weights.safetensors").items()}
    if t["W_enc"].dim() == 3:  # sources that are stacked
        sources, width, latents = t["W_enc"].shape
        t = t | {"W_enc": t["W_enc"].reshape(-1, latents), "W_dec": t["W_dec"].reshape(latents, -1), "b_dec": t["b_dec"].reshape(-1)}
    pre = (rows - t["b_dec"] if said["apply_b_dec_to_input"] else rows) @ t["W_enc"] + t["b_enc"]
    if "threshold" in t:
        codes = pre * (pre > t["threshold"])
    elif said["type"] in ("top-k", "k-means", "bisecting-k-means"):
        values, indices = pre.relu().topk(said["k"])
        codes = torch.zeros_like(pre).scatter_(1, indices, values)
    else:
        codes = pre.relu()
    return codes, codes @ t["W_dec"] + t["b_dec"]


LOADERS = {"saelens": saelens, "dictionary-learning": dictionary_learning, "sparsify": sparsify, "llamascopium": llamascopium, "safetensors": safetensors}


def check(name, format, ids, *settings):
    out = WORK / f"{name}-{format}"
    ontogeny("export", "--format", format, "--set", f"dictionaries={WORK / name}", "--output", out, "--set", f"only=[{','.join(ids)}]", *settings)
    for dictionary in ids:
        tensors, said = probe(name, dictionary)
        rows = torch.from_numpy(tensors["probe_input"])
        want_codes, want = tensors["probe_code"], tensors["probe_reconstruction"]
        if said["target"] == "transcoder":
            read = said["sources"][0]["width"]
            rows, want = rows[:, :read], want[:, read:]
        with torch.no_grad():
            codes, got = (each.numpy() for each in LOADERS[format](out / dictionary, rows))
        if format == "dictionary-learning" and said["type"] in ("relu", "pca"):
            # Its loader makes decoder rows one long and codes that much longer.
            want_codes = want_codes * np.linalg.norm(tensors["W_dec"], axis=1) / tensors["input_scale"][0]
        equal(f"{format} {dictionary}: codes", codes, want_codes, 2e-5)
        equal(f"{format} {dictionary}: reconstructions", got, want, 1e-5)
        # Of ReLU's some are as near to zero as sums in another order are to one another: a few of the 8,192 codes of a batch.
        assert ((codes != 0) == (want_codes != 0)).mean() > 0.999, f"{format} {dictionary}: others fire"
        OPENED.append(out / dictionary)
        print(f"{format:20} {dictionary}: equal")


# How each library writes what it has opened.


def save_saelens(folder, to):
    SAE.load_from_disk(str(folder)).save_model(str(to))


def save_dictionary_learning(folder, to):
    dictionary, config = load_dictionary(str(folder), "cpu")
    to.mkdir(parents=True)
    torch.save(dictionary.state_dict(), to / "ae.pt")
    (to / "config.json").write_text(json.dumps(config))


def save_sparsify(folder, to):
    SparseCoder.load_from_disk(folder).save_to_disk(to)


def save_llamascopium(folder, to):
    kind = Crosscoder if json.loads((folder / "config.json").read_text())["sae_type"] == "crosscoder" else SparseAutoEncoder
    written(kind.from_local(str(folder)), to)


def written(model, to):
    model.save_pretrained(to)
    model.cfg.save_hyperparameters(to)


SAVERS = {"saelens": save_saelens, "dictionary-learning": save_dictionary_learning, "sparsify": save_sparsify, "llamascopium": save_llamascopium}


def back(name, format, ids):
    """What the library wrote comes in, and does on other rows what the library does."""
    theirs = WORK / f"{name}-{format}-saved"
    entries = []
    for number, dictionary in enumerate(ids):
        SAVERS[format](WORK / f"{name}-{format}" / dictionary, theirs / dictionary)
        _, said = probe(name, dictionary)
        source = said["sources"][0]
        # A crosscoder's files say of its sources where they belong.
        where = f',site="{source["site"]}",checkpoint={source["checkpoint"]}' if len(said["sources"]) == 1 else ""
        entries.append(f'{{path="{dictionary}"{where},name=n{number}}}')
    come_in(f"{name}-{format}-back", format, theirs, entries)


def llamascopium_itself():
    """As that library makes them by default: scaled inputs, gates by norms."""
    theirs = WORK / "made-llamascopium"
    entries = []
    site, checkpoint = SITES[0]["site"], SITES[0]["checkpoints"][-1]
    for function in ("relu", "jumprelu", "topk"):
        sae = SparseAutoEncoder(SAEConfig(hook_point_in=site, hook_point_out=site, d_model=SITES[0]["width"], expansion_factor=2.5, act_fn=function, top_k=8))
        sae.init_parameters(encoder_uniform_bound=0.1, decoder_uniform_bound=0.2, init_log_jumprelu_threshold_value=math.log(0.3))
        for bias in (sae.b_E, sae.b_D):
            torch.nn.init.uniform_(bias, -0.1, 0.1)
        sae.set_dataset_average_activation_norm({site: 7.0})
        written(sae, theirs / function)
        entries.append(f'{{path="{function}",checkpoint={checkpoint},name={function}}}')
    come_in("made-llamascopium-back", "llamascopium", theirs, entries)


def come_in(published, format, theirs, entries):
    """Imports folders of a library and compares with what the library makes of the probe batches."""
    ontogeny("import", "--format", format, "--set", f"dataset={DATASET}", "--set", f"input={theirs}", "--output", WORK / published, "--set", f"dictionaries=[{','.join(entries)}]")
    for folder in sorted((WORK / published).glob("*/dictionary.json")):
        tensors, said = probe(published, folder.parent.name)
        with torch.no_grad():
            codes, got = (each.numpy() for each in LOADERS[format](theirs / said["training"]["settings"]["imported"]["path"], torch.from_numpy(tensors["probe_input"])))
        equal(f"{format} {folder.parent.name} back: codes", tensors["probe_code"], codes, 2e-5)
        equal(f"{format} {folder.parent.name} back: reconstructions", tensors["probe_reconstruction"], got, 1e-5)
        OPENED.append(folder)
        print(f"{format:20} {folder.parent.name} back: equal")


def equal(what, got, want, share):
    assert got.shape == want.shape, f"{what}: {got.shape}, not {want.shape}"
    worst = np.abs(got - want).max() / np.abs(want).max()
    assert worst < share, f"{what}: {worst:.3g} apart, {share} is allowed"


torch.manual_seed(0)
singles = train("singles", "mode=independent", f"dictionaries=[{PLAIN}{TYPES}]")
for format in LOADERS:
    ids = [each for each in singles if format != "sparsify" or "-k-means-" in each or "-top-k-" in each and "batch" not in each]
    check("singles", format, ids)
    if format in SAVERS:
        back("singles", format, ids)
llamascopium_itself()

sites = [each["site"] for each in SITES]
if len(sites) > 1:
    kinds = "{type=jump-relu,width=256},{type=relu,width=256}"
    transcoders = train("transcoders", "mode=independent", f"sites=[{sites[0]}]", f'targets={{"{sites[0]}"="{sites[1]}"}}', f"dictionaries=[{kinds}]")
    for format in ("saelens", "safetensors"):  # of sites of two widths
        check("transcoders", format, transcoders)

crosscoders = train("crosscoders", "mode=crosscoder", f"sites=[{sites[0]}]", "dictionaries=[{type=relu,width=256},{type=batch-top-k,width=256,k=8},{type=jump-relu,width=256}]")
check("crosscoders", "safetensors", [each for each in crosscoders if "jump-relu" not in each])
gated = [each for each in crosscoders if "top-k" not in each]
check("crosscoders", "llamascopium", gated)
back("crosscoders", "llamascopium", gated)
print(f"{len(OPENED)} dictionaries do what they did, there and back")
