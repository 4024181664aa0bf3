"""Rows to train on, and what sparsify (github.com/EleutherAI/sparsify) makes of them on a GPU, for deploy/gpu/check.

    python3 compare.py rows FILE D              sparse sums of hidden directions with noise, 40,960 rows
    python3 compare.py sparsify FILE WIDTH K    its steps under bf16 autocast, with its own Triton kernels, and the rate of the
                                                encoder's product alone by cuBLAS: one line of JSON
"""

import json
import statistics
import sys
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ROWS = 40_960
BATCH = 4096
STEPS = 100


def rows(path, d):
    d = int(d)
    generator = np.random.default_rng(0)
    directions = generator.standard_normal((8 * d, d), dtype=np.float32) / d**0.5
    with pq.ParquetWriter(path, pa.schema([("activation", pa.list_(pa.float32()))])) as writer:
        for _ in range(ROWS // BATCH):
            values = 0.05 * generator.standard_normal((BATCH, d), dtype=np.float32)
            for row in values:
                which = generator.integers(0, len(directions), 32)
                row += generator.gamma(3.0, 0.5, 32).astype(np.float32) @ directions[which]
            offsets = pa.array(np.arange(0, BATCH * d + 1, d, dtype=np.int32))
            writer.write_table(pa.table({"activation": pa.ListArray.from_arrays(offsets, pa.array(values.reshape(-1)))}))


def timed(steps, work):
    import torch

    seconds = []
    for _ in range(steps):
        torch.cuda.synchronize()
        start = time.perf_counter()
        work()
        torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds[len(seconds) // 10 :])


def sparsify(path, width, k):
    import torch
    from sparsify import SparseCoder, SparseCoderConfig

    width, k = int(width), int(k)
    column = pq.read_table(path)["activation"].combine_chunks()
    values = torch.from_numpy(np.asarray(column.values, dtype=np.float32).reshape(len(column), -1))
    values -= values.mean(0)
    values *= values.shape[1] ** 0.5 / values.norm(dim=1).mean()
    batches = values.pin_memory().split(BATCH)
    sae = SparseCoder(values.shape[1], SparseCoderConfig(num_latents=width, k=k)).cuda()
    adam = torch.optim.Adam(sae.parameters(), lr=2e-4 / (width / 2**14) ** 0.5, fused=True)
    count = 0

    def step():
        nonlocal count
        batch = batches[count % len(batches)].cuda(non_blocking=True)
        count += 1
        sae.set_decoder_norm_to_unit_norm()
        with torch.autocast("cuda", dtype=torch.bfloat16):
            out = sae(batch, dead_mask=None)
        out.fvu.backward()
        sae.remove_gradient_parallel_to_decoder_directions()
        adam.step()
        adam.zero_grad()

    of_step = timed(STEPS, step)
    x = batches[0].cuda().bfloat16()
    w = torch.randn(width, values.shape[1], device="cuda", dtype=torch.bfloat16)
    of_product = timed(STEPS, lambda: x @ w.T)
    print(
        json.dumps(
            {
                "peer": "sparsify",
                "gpu": torch.cuda.get_device_name(),
                "width": width,
                "k": k,
                "tokens_per_s": round(BATCH / of_step),
                "product_bf16_tflops": round(2 * BATCH * width * values.shape[1] / of_product / 1e12, 1),
            }
        )
    )


if __name__ == "__main__":
    {"rows": rows, "sparsify": sparsify}[sys.argv[1]](*sys.argv[2:])
