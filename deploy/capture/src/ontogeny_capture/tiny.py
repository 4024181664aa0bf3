"""A tiny language model to try everything with, made here and without a download:

    python -m ontogeny_capture.tiny FOLDER

writes FOLDER/text.jsonl (short made-up texts on five topics) and FOLDER/step0, step4, … , step256: a GPT-NeoX of 0.3 million parameters
with its tokenizer, trained on those texts in the meantime.
"""

import argparse
import json
import os
import random
import sys

STEPS = (0, 4, 16, 64, 256)
DOCUMENTS = 4000
VOCABULARY = 512
CONTEXT = 64
BATCH = 16
RATE = 3e-3

NAMES = ("Ada", "Ben", "Cleo", "Dan", "Eve", "Finn", "Gia", "Hugo")
ANIMALS = ("cat", "dog", "horse", "fox", "owl", "goat", "hare", "crow")
PLACES = ("river", "forest", "garden", "harbour", "market", "hill")
FOODS = ("bread", "soup", "rice", "beans", "cake", "plums")
NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def story(draw):
    name, animal, place = draw.choice(NAMES), draw.choice(ANIMALS), draw.choice(PLACES)
    return (
        f"{name} saw a {animal} near the {place}. The {animal} looked at {name} and ran to the {draw.choice(PLACES)}. "
        f"{name} went home and told {draw.choice(NAMES)} about the {animal}."
    )


def counting(draw):
    first, step = draw.randrange(0, 4), draw.choice((1, 2))
    numbers = [NUMBERS[i] for i in range(first, 11, step)]
    return f"Count from {numbers[0]} to {numbers[-1]}: {', '.join(numbers)}. And back: {', '.join(reversed(numbers))}."


def sums(draw):
    lines = []
    for _ in range(6):
        a, b = draw.randrange(10), draw.randrange(10)
        lines.append(f"{a} + {b} = {a + b}")
    return "\n".join(lines)


def code(draw):
    name, value = draw.choice("abcxyz"), draw.randrange(100)
    return (
        f"def set_{name}(self, {name}={value}):\n    if {name} < {draw.randrange(10)}:\n        raise ValueError({name})\n"
        f"    self.{name} = {name}\n    return self"
    )


def recipe(draw):
    food, other = draw.sample(FOODS, 2)
    return (
        f"To make {food} you need {draw.choice(NUMBERS[2:6])} cups of water and some {other}. Heat the water, add the {other}, "
        f"wait {draw.choice(NUMBERS[4:])} minutes and serve it with {draw.choice(FOODS)}. ☕"
    )


TOPICS = {"story": story, "counting": counting, "sums": sums, "code": code, "recipe": recipe}


def texts(seed=0, documents=DOCUMENTS):
    draw = random.Random(seed)
    for _ in range(documents):
        topic = draw.choice(list(TOPICS))
        yield {"text": TOPICS[topic](draw), "topic": topic}


def make_tokenizer(lines, vocabulary=VOCABULARY):
    """Byte-level BPE, as GPT-2 and Pythia have it; every text begins with the special token, as in training."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    end = "<|endoftext|>"
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary, special_tokens=[end], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(lines, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{end} $A", special_tokens=[(end, tokenizer.token_to_id(end))])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token=end, eos_token=end, unk_token=end)


def make(folder, steps=STEPS, documents=DOCUMENTS, say=lambda line: None):
    """Writes the texts and the checkpoints; gives the loss at each step."""
    import torch
    from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

    os.makedirs(folder, exist_ok=True)
    rows = list(texts(documents=documents))
    with open(os.path.join(folder, "text.jsonl"), "w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    tokenizer = make_tokenizer([row["text"] for row in rows])

    stream = torch.tensor([i for row in rows for i in tokenizer(row["text"])["input_ids"]])
    # More threads only wait for each other in a model this small.
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = GPTNeoXForCausalLM(
        GPTNeoXConfig(
            vocab_size=VOCABULARY,
            hidden_size=64,
            num_hidden_layers=4,
            num_attention_heads=4,
            intermediate_size=256,
            max_position_embeddings=2 * CONTEXT,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
        )
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE)
    losses = {}
    for step in range(max(steps) + 1):
        starts = torch.randint(len(stream) - CONTEXT, (BATCH,))
        ids = stream[starts[:, None] + torch.arange(CONTEXT)]
        loss = model(input_ids=ids, labels=ids).loss
        if step in steps:
            losses[step] = float(loss.detach())
            say(f"step {step}: loss {losses[step]:.3f}")
            where = os.path.join(folder, f"step{step}")
            model.save_pretrained(where)
            tokenizer.save_pretrained(where)
        for group in optimizer.param_groups:
            group["lr"] = RATE * min(1, (step + 1) / 16)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return losses


def main():
    parser = argparse.ArgumentParser(
        prog="python -m ontogeny_capture.tiny", description="Makes a tiny GPT-NeoX at five checkpoints, its tokenizer and a text file."
    )
    parser.add_argument("folder", help="a new folder")
    folder = parser.parse_args().folder
    if os.path.exists(folder) and os.listdir(folder):
        print(f"ontogeny_capture.tiny: settings: {folder} is not empty: give a new folder", file=sys.stderr)
        sys.exit(2)
    from transformers.utils import logging

    logging.disable_progress_bar()
    make(folder, say=lambda line: print(line, file=sys.stderr))


if __name__ == "__main__":
    main()
