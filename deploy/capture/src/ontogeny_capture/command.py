"""The command line. Only `main` catches everything."""

import argparse
import errno
import os
import sys

from .failures import Failure, ResourceFailure, UsageFailure, one_line
from .settings import BYTES, Settings, listed, number_of_tokens, numbered, weighted, whole
from .version import VERSION

EXAMPLES = """\
examples:
  Three checkpoints of Pythia, one site, a million tokens:
    ontogeny-capture --model EleutherAI/pythia-70m --revisions step0,step1000,step143000 --sites blocks.3.hook_resid_post \\
      --dataset monology/pile-uncopyrighted --tokens 1M --out /data/capture

  Checkpoints in folders, the residual stream of all blocks, gradients and losses, a column of the file as label:
    ontogeny-capture --checkpoints runs/7/checkpoint-*/ --sites 'blocks.*.hook_resid_post' --dataset texts.jsonl --tokens all \\
      --labels language --gradients --out s3://bucket/capture

  What it would take, without writing anything; going on after a crash:
    ontogeny-capture … --dry-run
    ontogeny-capture … --resume

  A model of your own:
    ontogeny-capture --loader pictures.py:Pictures --checkpoints 'runs/vit/step*' --sites module:vit.layers.5 --out /data/capture

  Activations that another library has stored:
    ontogeny-capture convert --help

exit codes: 0 done, 2 usage or settings, 3 data, 4 resources, 1 anything else; the last line on standard error then is
`ontogeny-capture: <kind>: <message>`."""


class Parser(argparse.ArgumentParser):
    """Leaves failures to `main`."""

    def error(self, message):
        raise UsageFailure(f"{message}; {self.prog} --help lists all options")


def parser():
    top = Parser(
        prog="ontogeny-capture",
        description="Captures activations of a model at its training checkpoints as Parquet: one row per token, site and checkpoint.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"ontogeny-capture {VERSION}")

    model = top.add_argument_group("the model and its checkpoints")
    model.add_argument("--model", metavar="HUB_OR_FOLDER", help="a causal language model of the Hugging Face hub, or a folder")
    model.add_argument("--revisions", metavar="A,B,…", type=listed, default=(), help="its revisions (branches, tags, commits), or folders below a folder")
    model.add_argument(
        "--checkpoints", metavar="FOLDER", nargs="+", default=(), help="folders with a checkpoint each, or patterns such as runs/step*/"
    )
    model.add_argument(
        "--checkpoint-numbers", metavar="NAME=N,…", type=numbered, default=(),
        help="training steps of names that do not tell it as step1000, checkpoint-1000 or 1000 do",
    )
    model.add_argument(
        "--interpolate", metavar="A:B:W,…", type=weighted, default=(), help="also models whose weights are (1-W) A + W B, such as step1000:step2000:0.5"
    )
    model.add_argument("--loader", metavar="MODULE:FUNCTION", help="your own models, and documents if they are no text; MODULE may be a .py file")
    model.add_argument("--tokenizer", metavar="HUB_OR_FOLDER", help="default: that of --model or of the first checkpoint that has one")
    model.add_argument("--trust-remote-code", action="store_true", help="let a model's repository run its own code")

    what = top.add_argument_group("what is captured")
    what.add_argument(
        "--sites", metavar="A,B,…", type=listed, required=True,
        help="hook names of TransformerLens such as blocks.3.hook_resid_post, blocks.*.mlp.hook_post, or module:PATH[.input|.output[i]]",
    )
    what.add_argument("--loss", action="store_true", help="the loss of the next token at each token")
    what.add_argument("--gradients", action="store_true", help="the gradient of the sum of its sequence's losses at each activation; implies --loss")
    what.add_argument("--dtype", choices=tuple(BYTES), default="float16", help="of stored activations and gradients (default: float16)")

    data = top.add_argument_group("the tokens")
    data.add_argument(
        "--dataset", metavar="FILE_OR_HUB",
        help="jsonl, json, txt (a document a line), csv, tsv or parquet (also .gz, .bz2, .zst), a folder or pattern of these, or a dataset of the hub",
    )
    data.add_argument("--dataset-config", metavar="NAME", help="a hub dataset's configuration")
    data.add_argument("--dataset-revision", metavar="NAME", help="a hub dataset's revision")
    data.add_argument("--split", default="train", help="a hub dataset's split (default: train)")
    data.add_argument("--text-column", metavar="NAME", default="text", help="text, or conversations as lists of {role, content} (default: text)")
    data.add_argument("--document-column", metavar="NAME", help="names documents (text or whole number); default: their row's number from 0")
    data.add_argument("--labels", metavar="A,B,…", type=listed, help="columns to keep as label_A, label_B, …; for --pairs, all keys by default")
    data.add_argument("--pairs", metavar="FILE", help="instead of --dataset: jsonl with the texts clean and corrupt, of equal numbers of tokens")
    data.add_argument("--tokens", metavar="N", type=number_of_tokens, help="at most so many, in whole sequences (1000000, 1e6, 1M), or all")
    data.add_argument("--context", metavar="N", type=whole, help="tokens of a sequence at most (default: 1024, or fewer if the model cannot)")
    data.add_argument("--repeat-bos", action="store_true", help="begin every sequence of a long document with the beginning-of-text token")
    data.add_argument("--shuffle-seed", metavar="N", type=int, help="take rows in a random order, drawn among 10,000 at a time")

    how = top.add_argument_group("how it runs")
    how.add_argument("--out", metavar="FOLDER", required=True, help="a folder, s3://… or gs://…")
    how.add_argument("--resume", action="store_true", help="go on with what is there, also with further checkpoints; begins if there is nothing")
    how.add_argument("--dry-run", action="store_true", help="tell tokens, bytes, hours and memory; write nothing")
    how.add_argument("--shard-tokens", metavar="N", type=whole, help="tokens of a file (default: about 256 MiB at the widest site)")
    how.add_argument("--batch-tokens", metavar="N", type=whole, help="tokens that run at once (default: 4096, at least --context)")
    how.add_argument("--compute-dtype", choices=("auto", *BYTES), default="auto", help="of the model (default: as stored; float32 on a CPU)")
    how.add_argument("--device", default="auto", help="cpu, cuda, cuda:1, mps (default: the best there is)")
    return top


def run(arguments):
    if arguments[:1] == ["convert"]:
        from . import convert

        return convert.run(arguments[1:])
    options = vars(parser().parse_args(arguments))
    options["checkpoints"] = tuple(path for given in options["checkpoints"] for path in listed(given))
    settings = Settings(**options)
    from . import capture

    return capture.run(settings)


def describe(error):
    """An unexpected exception as a failure, if it is of a kind that everybody knows; None otherwise."""
    if isinstance(error, Failure):
        return error
    from .models import out_of_memory, told_out_of_memory

    if out_of_memory(error):
        return told_out_of_memory(error)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return ResourceFailure(f"the disk is full: {one_line(error)}; --resume goes on once there is space")
    if isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
        return ResourceFailure(f"{one_line(error)}")
    return None


def main(arguments=None):
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    # Read when torch is loaded: its threads, where they share a processor with others, else wait for each other in busy loops.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        run(sys.argv[1:] if arguments is None else arguments)
    except KeyboardInterrupt:
        print("ontogeny-capture: internal: interrupted; --resume goes on", file=sys.stderr)
        sys.exit(1)
    except Exception as error:
        failure = describe(error)
        if failure is None:
            import traceback

            traceback.print_exc()
            failure = Failure(f"{type(error).__name__}: {one_line(error)}")
        print(f"ontogeny-capture: {failure.kind}: {failure}", file=sys.stderr)
        sys.exit(failure.code)


if __name__ == "__main__":
    main()
