"""Quality of dictionaries as SAEBench's own result files."""

from __future__ import annotations

import datetime
import json
import math
import os
import pathlib
import re
import uuid
from typing import TYPE_CHECKING, Any

import numpy as np

from .failures import OntogenyError

if TYPE_CHECKING:
    from .dictionary import Dictionary
    from .folders import Opened

NOT_MEASURED = -1.0
"""What SAEBench itself writes for a figure that was not computed."""

BLOCK = 1024


def _number(value: Any) -> float:
    return NOT_MEASURED if value is None or not math.isfinite(value) else float(value)


def _greatest_cosines(rows: np.ndarray) -> np.ndarray:
    """Of every row, the greatest cosine with another one, [F]; a row of zeros has the cosine 0 with all."""
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    unit = np.divide(rows, norms, out=np.zeros_like(rows), where=norms > 0)
    greatest = np.full(len(unit), -np.inf)
    for start in range(0, len(unit), BLOCK):
        cosines = unit[start : start + BLOCK] @ unit.T
        cosines[np.arange(len(cosines)), np.arange(start, start + len(cosines))] = -np.inf
        greatest[start : start + BLOCK] = cosines.max(axis=1)
    return greatest


def _shares(rates: np.ndarray, bar: float) -> tuple[float, float]:
    """How many features fire on more than that share of tokens, and how much of all firing is theirs."""
    often = rates > bar
    return float(often.mean()), float(rates[often].sum() / rates.sum()) if rates.sum() > 0 else 0.0


def core(quality: dict[str, Any], ratios: dict[str, Any], features: Any, dictionary: "Dictionary", columns: slice, manifest: dict[str, Any]) -> dict[str, Any]:
    """A result of `core` as its `CoreEvalOutput` has it.

    `quality` and `ratios` are the dictionary's rows of the tables `quality` and `dictionaries`, `features` its rows of `features`, by number.
    """
    encoder = dictionary.tensors["W_enc"][columns].T
    decoder = dictionary.tensors["W_dec"][:, columns]
    encoder_norms, decoder_norms = np.linalg.norm(encoder, axis=1), np.linalg.norm(decoder, axis=1)
    products = encoder_norms * decoder_norms
    own = np.divide((encoder * decoder).sum(axis=1), products, out=np.zeros_like(products), where=products > 0)
    of_encoder, of_decoder = _greatest_cosines(encoder), _greatest_cosines(decoder)
    rates = features["firing_rate"].to_numpy()
    over_1, normalised_1 = _shares(rates, 0.01)
    over_10, normalised_10 = _shares(rates, 0.1)
    name = f"{quality['dictionary']}@{quality['site']}@{quality['checkpoint']}"
    return {
        "eval_type_id": "core",
        "eval_config": {"model_name": "", "dataset": "", "compute_kl": False, "compute_ce_loss": False, "compute_l2_norms": True, "compute_sparsity_metrics": True, "compute_variance_metrics": True},
        # The same of the same features.
        "eval_id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{manifest['identity']}/{name}/{quality['split']}")),
        "datetime_epoch_millis": _millis(manifest["created"]),
        "eval_result_metrics": {
            "model_behavior_preservation": dict.fromkeys(("kl_div_score", "kl_div_with_ablation", "kl_div_with_sae"), NOT_MEASURED),
            "model_performance_preservation": dict.fromkeys(("ce_loss_score", "ce_loss_with_ablation", "ce_loss_with_sae", "ce_loss_without_sae"), NOT_MEASURED),
            "reconstruction_quality": {
                "explained_variance": _number(quality["explained_variance"]),
                "explained_variance_legacy": _number(quality["explained_variance_legacy"]),
                "mse": _number(quality["mse"]),
                "cossim": _number(ratios["cosine"]),
            },
            "shrinkage": {
                "l2_norm_in": _number(quality["l2_norm_in"]),
                "l2_norm_out": _number(quality["l2_norm_out"]),
                "l2_ratio": _number(ratios["norm_ratio"]),
                "relative_reconstruction_bias": _number(quality["relative_reconstruction_bias"]),
            },
            "sparsity": {"l0": _number(ratios["l0"]), "l1": _number(quality["l1"])},
            "token_stats": {"total_tokens_eval_reconstruction": 0, "total_tokens_eval_sparsity_variance": int(quality["rows"])},
            "misc_metrics": {
                "freq_over_1_percent": over_1,
                "freq_over_10_percent": over_10,
                "normalized_freq_over_1_percent": normalised_1,
                "normalized_freq_over_10_percent": normalised_10,
                "average_max_encoder_cosine_sim": _number(of_encoder.mean()),
                "average_max_decoder_cosine_sim": _number(of_decoder.mean()),
                "frac_alive": float((rates > 0).mean()),
            },
        },
        "eval_result_details": [
            {
                "index": i,
                "feature_density": float(rates[i]),
                "consistent_activation_heuristic": NOT_MEASURED,
                "encoder_bias": float(dictionary.tensors["b_enc"][i]),
                "encoder_norm": float(encoder_norms[i]),
                "encoder_decoder_cosine_sim": float(own[i]),
                "max_decoder_cosine_sim": _number(of_decoder[i]),
                "max_encoder_cosine_sim": _number(of_encoder[i]),
            }
            for i in range(dictionary.width)
        ],
        "sae_bench_commit_hash": "",
        "sae_lens_id": name,
        "sae_lens_release_id": "ontogeny",
        "sae_lens_version": "",
        "sae_cfg_dict": {"architecture": dictionary.type, "d_in": int(decoder.shape[1]), "d_sae": dictionary.width, "hook_name": quality["site"], "checkpoint": int(quality["checkpoint"]), "split": quality["split"]},
    }


def _millis(time: str) -> int:
    return int(datetime.datetime.fromisoformat(time.replace("Z", "+00:00")).timestamp() * 1000)


def write(run: "Opened", out: str | os.PathLike, split: str | None = None) -> list[pathlib.Path]:
    """See `Opened.saebench`."""
    if "quality" not in run.tables.get("features", []):
        raise OntogenyError(f"{run.path} has no table quality: open a run with features that measure of today published")
    if "dictionaries" not in run.kinds:
        raise OntogenyError(f"{run.path} holds features and no dictionaries: the weights are needed as well, open the run that has both")
    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    keys = ["dictionary", "site", "checkpoint"]
    ratios = run.table("dictionaries").pandas()
    quality = run.table("quality").pandas()
    # By their names held_out stands before train.
    quality = quality[quality["split"] == split] if split else quality.sort_values("split").drop_duplicates(keys)
    if quality.empty:
        raise OntogenyError(f"{run.path} was measured on no rows of the split {split}: take train or held_out")
    quality = quality.sort_values(keys)
    features = run.table("features").pandas(columns=[*keys, "feature", "firing_rate"])
    written = []
    for row in quality.to_dict("records"):
        same = [row[key] for key in keys]
        dictionary = run.dictionary(row["dictionary"])
        columns = next(columns for columns, each in zip(dictionary.slices(), dictionary.sources) if [each["site"], each["checkpoint"]] == same[1:])
        of = features[(features[keys] == same).all(axis=1)].sort_values("feature")
        ratio = ratios[(ratios[[*keys, "split"]] == [*same, row["split"]]).all(axis=1)].iloc[0].to_dict()
        result = core(row, ratio, of, dictionary, columns, run.manifest("features"))
        # Sites may have any name, files may not.
        path = out / f"{re.sub(r'[^A-Za-z0-9._@-]', '_', result['sae_lens_id'])[:150]}_{len(written)}_eval_results.json"
        path.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        written.append(path)
    return written
