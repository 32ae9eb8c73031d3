"""Text that the model itself writes at temperature 1, as windows of token ids.

    python sample.py own.npy --model model.gguf --prompts prompts.txt --depths ../../depths --windows 256
    python sample.py own.npy --model model.gguf --prompts prompts.txt --ids --device cuda --batch 1536 --windows 30000

Each line of the file of prompts is a beginning, in turns; the ids are those that were drawn, so nothing is tokenised anew. With
`--depths` that program writes (`generate --parallel`), and what ends before a window is full is followed by the next; with
`--device` PyTorch does, a window at a time for each row of the batch, over a document's end as in training text.
"""
import argparse
import json
import subprocess
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from loading import load
from text import tokenize, windows


def with_depths(args, prompts):
    """Windows, by continuations of the prompts in turns."""
    tokens, seed = [], args.seed
    while len(tokens) < args.windows * args.length:
        prompt = prompts[(seed - args.seed) // args.batch % len(prompts)]
        out = subprocess.run(
            [args.depths, "generate", "--no-adapter", "-m", args.model, "--json", "--parallel", str(args.batch), "-n",
             str(args.length), "--temp", "1", "--top-k", "0", "--top-p", "1", "--min-p", "0", "--seed", str(seed), prompt],
            check=True, capture_output=True, text=True)
        beginning = tokenize(args.depths, args.model, prompt)
        for entry in json.loads(out.stdout):
            tokens += beginning + entry["tokens"]
        seed += args.batch
        print(f"{len(tokens)} tokens", flush=True)
    return windows(tokens, args.length)[:args.windows]


class Writer:
    """Draws many sequences of one length together, with keys and values of all positions kept."""

    def __init__(self, model, batch, length):
        self.model, c = model, model.config
        like = {"dtype": model.head().dtype, "device": model.head().device}
        self.cache = [[torch.empty(batch, c.kv_heads, length, c.head_width, **like) for _ in "kv"] for _ in model.blk]
        self.batch, self.length = batch, length

    @torch.no_grad()
    def write(self, prompts):
        """Sequences [batch, length] of ids that begin with the prompts [batch, any], of one length."""
        tokens = torch.empty(self.batch, self.length, dtype=torch.long, device=prompts.device)
        tokens[:, :prompts.shape[1]] = prompts
        for position in range(self.length - 1):
            logits = self.step(tokens[:, position], position)
            if position + 1 >= prompts.shape[1]:
                # The argmax of p/e, e exponential, is a draw from p.
                p = torch.softmax(logits.float(), -1)
                tokens[:, position + 1] = (p / torch.empty_like(p).exponential_()).argmax(-1)
        return tokens

    def step(self, tokens, position):
        """Logits [batch, vocabulary] after the tokens [batch] at a position."""
        x, model = self.model.embed(tokens), self.model
        for block, cache in zip(model.blk, self.cache):
            x = x + self.attention(block, block.attn_norm(x).to(model.head().dtype), position, cache)
            x = x + block.mlp(block.ffn_norm(x).to(model.head().dtype))
        return F.linear(model.output_norm(x).to(model.head().dtype), model.head())

    def attention(self, block, n, position, cache):
        c, rows = self.model.config, torch.full((self.batch,), position, device=n.device)
        q, k, v = (block.heads(n, None, rows, name, heads, rope) for name, heads, rope in (
            ("attn_q", c.heads, self.model.rope), ("attn_k", c.kv_heads, self.model.rope), ("attn_v", c.kv_heads, None)))
        for kept, new in zip(cache, (k, v)):
            kept[:, :, position] = new
        keys, values = (kept[:, :, :position + 1] for kept in cache)
        # The heads that share keys stand where a sequence's queries do. (cuDNN would plan anew for each length.)
        with sdpa_kernel([SDPBackend.FLASH_ATTENTION, SDPBackend.MATH]):
            mixed = F.scaled_dot_product_attention(q.to(n.dtype).unflatten(1, (c.kv_heads, -1)), keys, values)
        return block.attn_output(mixed.flatten(1))


def with_torch(args, prompts):
    torch.manual_seed(args.seed)
    model = load(args.model).requires_grad_(False).to(args.device)
    if args.device != "cpu":
        for matrix in (p for p in model.parameters() if p.dim() == 2):
            matrix.data = matrix.data.bfloat16()
    model.run(torch.zeros(1, args.length, model.config.width, device=args.device), last=0)  # makes the tables of RoPE
    writer, written = Writer(model, args.batch, args.length), []
    begun = time.monotonic()
    while len(written) * args.batch < args.windows and time.monotonic() - begun < args.seconds:
        prompt = torch.tensor(prompts[len(written) % len(prompts)], device=args.device)
        written.append(writer.write(prompt.expand(args.batch, -1)).cpu())
        print(f"{len(written) * args.batch * args.length} tokens", flush=True)
    return torch.cat(written)[:args.windows].numpy()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", help=".npy of integers [windows, length]")
    parser.add_argument("--model", required=True)
    parser.add_argument("--prompts", required=True, help="a beginning on each line, with \\n for an end of line")
    parser.add_argument("--ids", action="store_true", help="the prompts are token ids, separated by blanks")
    parser.add_argument("--windows", type=int, default=256)
    parser.add_argument("--length", type=int, default=256)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="no batch is begun after so long; of --device")
    parser.add_argument("--batch", type=int, default=32, help="sequences that are written together")
    parser.add_argument("--depths", default="depths")
    parser.add_argument("--device", help="cpu or cuda: PyTorch writes, not Depths")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    with open(args.prompts) as file:
        prompts = [line.rstrip("\n").replace("\\n", "\n") for line in file if line.strip()]
    if args.device:
        prompts = [[int(i) for i in p.split()] if args.ids else tokenize(args.depths, args.model, p) for p in prompts]
        found = with_torch(args, prompts)
    else:
        found = with_depths(args, prompts)
    np.save(args.out, found.astype(np.uint16 if found.max() < 65536 else np.int32))


if __name__ == "__main__":
    main()
