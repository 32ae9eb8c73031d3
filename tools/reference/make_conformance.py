"""Writes loader/conformance: for each cell of the schema a small model, and what the reference computes with it.

    python make_conformance.py [CASE ...]
"""
import dataclasses
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path

import gguf
import numpy as np

import reference

FOLDER = Path(__file__).resolve().parents[2] / "loader" / "conformance"
WIDTH, HEADS, KV_HEADS, HEAD, HIDDEN, VOCABULARY, ROUTER_HIDDEN = 32, 4, 2, 8, 32, 32, 8
EXPERTS, EXPERTS_USED, EXPERT_HIDDEN = 4, 2, 16
# No multiple of anything.
RANK = 5
# Scores nearer than this to a border of a decision could fall on the other side of it in f32.
LEAST_MARGIN = 1e-4

THRESHOLD = {"router": "linear", "selection": "threshold", "combine": "x+r*f"}
TOPK = {"router": "linear", "selection": "topk", "capacity": 0.25, "combine": "x+r*f"}


@dataclass
class Case:
    name: str
    description: str
    # The mod.* keys; `blocks` and `version` are added.
    mod: dict
    blocks: int = 2
    routed: tuple = (0, 1)
    tokens: int = 24
    prompt: int = 0
    architecture: str = "llama"
    experts: bool = False
    tied: bool = True
    bias: bool = False
    bypass_type: type = np.float32
    router_norm: bool = False
    router_rows: int = 1
    predictor_rows: int = 1
    # Scores of the first block are sums of small multiples of 1/16, exact in f32 in any order of summation, and half of
    # the tokens are one token.
    exact: bool = False
    # Changes of the keys that would change what is computed, so that the case can tell them apart.
    unlike: list = field(default_factory=list)
    # The rule of a second file of answers, CASE.causal.json.
    causal: str = ""
    # Whether each routed block has to choose a fair share of the tokens; not asked of a rule that fixes it otherwise.
    fair: bool = True


def cases():
    activations = {"silu": "x+x+a+r*m", "relu": "x+softmax(r)*f", "gelu": "sigmoid(r)*(x+f)",
                   "tanh": "x+a+softmax(r)*m", "identity": "x+(x+f)"}

    def router(name, description, combine="x+r*f", **more):
        mod = THRESHOLD | {"combine": combine} | more.pop("mod", {})
        return Case("router-" + name, description + f"; combined by {combine}", mod, **more)

    yield router("linear", "A linear router without bias", "x + r·f")
    yield router("linear-bias", "A linear router with bias", "x+sigmoid(r)*f", bias=True)
    yield router("linear2", "Two classes, without bias", "x+a+(1+0.2*tanh(r))*m", mod={"router": "linear2"},
                 router_rows=2)
    yield router("linear2-bias", "Two classes, with bias", "x+a+r*m", mod={"router": "linear2"}, router_rows=2,
                 bias=True)
    for activation, combine in activations.items():
        yield router("mlp-" + activation, f"An MLP router with {activation}, without biases and norm", combine,
                     mod={"router": "mlp", "router_activation": activation})
    yield router("mlp-bias", "An MLP router with biases; silu by default", "x+sigmoid(r)*(x+f)", mod={"router": "mlp"},
                 bias=True)
    yield router("mlp-norm", "An MLP router with biases and a norm", "x+x+a+m", mod={"router": "mlp"}, bias=True,
                 router_norm=True)
    yield router("mlp-two-rows", "An MLP router of two classes", "x+(1+0.2*tanh(r))*(x+f)",
                 mod={"router": "mlp", "router_activation": "tanh"}, bias=True, router_rows=2)
    yield router("shared-linear", "One linear router for all routed blocks", "x+x+a+(1+0.2*tanh(r))*m",
                 mod={"shared_router": True}, tied=False)
    yield router("shared-mlp", "One MLP router for all routed blocks", "(1+0.2*tanh(r))*(x+f)",
                 mod={"router": "mlp", "shared_router": True}, bias=True)
    yield router("normed", "The router sees the norm of the block's input", "softmax(r)*(x+f)",
                 mod={"router_input": "normed"}, unlike=[{"router_input": "residual"}])
    yield router("slope", "Scores rise with the logarithm of the position", "x+sigmoid(r)*f",
                 mod={"position_slope": 0.125, "threshold": 0.6, "initial_tokens": 2}, tokens=48, prompt=20,
                 unlike=[{"position_slope": 0.0}, {"position_slope": 0.25}])
    yield router("slope-predictor", "The predictor's scores fall with it, and the router's, which is the gate",
                 mod={"position_slope": -0.125, "selection": "predictor", "threshold": 0.4, "granularity": "attention+mlp/token"},
                 bias=True, unlike=[{"position_slope": 0.0}])

    def threshold(name, description, mod, **more):
        return Case("threshold-" + name, description, THRESHOLD | mod, **more)

    yield threshold("0.6", "A threshold that is not 0.5; the capacity, told for people, computes nothing",
                    {"threshold": 0.6, "capacity": 0.125, "note": "for people"}, unlike=[{"threshold": 0.5}])
    yield threshold("each", "A threshold for each block; the blocks are not in ascending order",
                    {"threshold": (0.6, 0.4, 0.5)}, blocks=3, routed=(2, 0, 1),
                    unlike=[{"threshold": (0.6, 0.5, 0.5)}, {"threshold": (0.5, 0.4, 0.5)},
                            {"threshold": (0.6, 0.4, 0.6)}])
    yield threshold("each-prefill", "One lower threshold for prompts, and one for each block for what follows",
                    {"threshold": (0.6, 0.7), "prefill_threshold": 0.3, "granularity": "attention+mlp/token"},
                    tokens=32, prompt=16, fair=False,
                    unlike=[{"threshold": 0.6}, {"threshold": 0.7}, {"prefill_threshold": 0.6}])
    yield threshold("each-sequence", "A threshold for each block on the score of a whole sequence",
                    {"threshold": (0.4, 0.6), "granularity": "block/sequence", "combine": "x+f"}, prompt=10,
                    blocks=2, routed=(0, 1), unlike=[{"threshold": 0.5}])
    yield threshold("exclusive-tie", "Half of the tokens score exactly 0 in block 0, at the threshold: not chosen", {},
                    exact=True, unlike=[{"threshold_inclusive": True}])
    yield threshold("inclusive-tie", "Half of the tokens score exactly 0 in block 0, at the threshold: chosen",
                    {"threshold_inclusive": True}, exact=True, unlike=[{"threshold_inclusive": False}])
    yield threshold("prefill", "A lower threshold for the tokens of the prompt",
                    {"threshold": 0.6, "prefill_threshold": 0.3}, tokens=32, prompt=16,
                    unlike=[{"prefill_threshold": 0.6}, {"threshold": 0.3}])
    yield threshold("initial", "The first three tokens are always chosen", {"initial_tokens": 3}, prompt=2,
                    unlike=[{"initial_tokens": 0}])
    yield Case("predictor", "A predictor chooses, the router's score is the gate",
               THRESHOLD | {"selection": "predictor", "router_input": "normed"}, bias=True)
    yield Case("predictor-shared", "One router and one predictor of two classes, with a norm; a threshold of 0.4",
               THRESHOLD | {"selection": "predictor", "shared_router": True, "threshold": 0.4,
                            "combine": "x+softmax(r)*f"},
               router_norm=True, predictor_rows=2, unlike=[{"threshold": 0.5}])

    def topk(name, description, mod, **more):
        return Case("topk-" + name, description, TOPK | mod, fair=False, **more)

    halves = {"tokens": 26, "routed": (0, 1)}
    yield topk("floor", "k = floor(0.25 * 30) = 7", {}, tokens=30,
               unlike=[{"k_rounding": "ceil"}, {"k_rounding": "round"}])
    yield topk("ceil", "k = ceil(0.25 * 26) = 7", {"k_rounding": "ceil"}, **halves, unlike=[{"k_rounding": "round"}])
    yield topk("round", "k = 0.25 * 26 = 6.5 and 0.75 * 26 = 19.5, halves to even: 6 and 20",
               {"k_rounding": "round", "capacity": (0.25, 0.75)}, **halves,
               unlike=[{"k_rounding": "ceil"}, {"k_rounding": "floor"}])
    yield topk("f32-floor", "floor(0.7 * 30) = 20: 0.7 is 0.69999999 in f32, and the product is not rounded to f32",
               {"capacity": 0.7}, tokens=30)
    yield topk("f32-ceil", "ceil(0.1 * 30) = 4: 0.1 is 0.10000000149 in f32, and the product is not rounded to f32",
               {"capacity": 0.1, "k_rounding": "ceil"}, tokens=30)
    yield topk("least", "k = 0.125 * 24 = 3, raised to 5", {"capacity": 0.125, "least_tokens": 5})
    yield topk("least-zero", "k = 0.03125 * 24 rounded down to 0: no token is chosen in block 0",
               {"capacity": (0.03125, 0.5), "least_tokens": 0})
    yield topk("most", "k = 0.5 * 24 = 12, lowered to 7", {"capacity": 0.5, "most_tokens": 7})
    rules = ("first", "above", "all")
    for ties in rules:
        yield topk("ties-" + ties, f"Scores of block 0 tie at the border; ties: {ties}",
                   {"capacity": 0.375, "ties": ties}, exact=True, routed=(0,),
                   unlike=[{"ties": other} for other in rules if other != ties])
    yield topk("above-one", "k = 1 with ties: above; the highest scores of block 0 tie, all of them are chosen",
               {"capacity": 0.0625, "ties": "above"}, exact=True, routed=(0,), unlike=[{"ties": "first"}])
    yield topk("capacities", "A capacity for each block; the blocks are not in ascending order",
               {"capacity": (0.5, 0.125, 1.0)}, blocks=3, routed=(2, 0, 1))
    yield topk("initial", "The first three tokens count among the k", {"initial_tokens": 3},
               unlike=[{"initial_tokens": 0}])
    yield topk("initial-more", "More initial tokens than k: they are the choice",
               {"capacity": 0.125, "initial_tokens": 5})
    yield topk("softmax", "The softmax is over all chosen tokens when scoring, and over those so far when generating",
               {"combine": "x+softmax(r)*f", "capacity": 0.5, "causal_selection": "threshold"}, causal="threshold")
    yield topk("predictor", "Top-k scores, a predictor generates",
               {"capacity": 0.5, "causal_selection": "predictor"}, causal="predictor", bias=True)

    # The other formulas are in the cases of the routers.
    for name, combine in {
            "hard": "x+f", "tanh-f": "x+(1+0.2*tanh(r))*f", "bracketed": "(x+f)", "r-xf": "r*(x+f)",
            "x-r-xf": "x+r*(x+f)", "x-softmax-xf": "x+softmax(r)*(x+f)", "a-m": "x+a+m", "mlp-gate": "mlp_gate",
            "2x-a-sigmoid-m": "x+x+a+sigmoid(r)*m", "2x-a-softmax-m": "x+x+a+softmax(r)*m"}.items():
        yield Case("combine-" + name, f"Combined by {combine}", THRESHOLD | {"combine": combine})

    def granularity(name, description, mod, **more):
        return Case("granularity-" + name, description, THRESHOLD | mod, **({"blocks": 3, "routed": (0, 2)} | more))

    yield granularity("attention", "The attention half is routed", {"granularity": "attention/token"})
    yield granularity("mlp", "The MLP half is routed, by a router that sees the block's input",
                      {"granularity": "mlp/token"}, blocks=2, routed=(0, 1))
    yield granularity("mlp-times", "The MLP half is routed; x is its own input",
                      {"granularity": "mlp/token", "combine": "r*(x+f)", "router_input": "normed"},
                      blocks=2, routed=(0, 1))
    yield granularity("attention-mlp", "Both halves are routed, each by its own router",
                      {"granularity": "attention+mlp/token", "combine": "x+sigmoid(r)*f"},
                      bias=True, blocks=2, routed=(0, 1))
    yield granularity("attention-mlp-topk", "Both halves are routed by top-k; predictors generate, one for each half",
                      TOPK | {"granularity": "attention+mlp/token", "capacity": 0.5, "causal_selection": "predictor",
                              "combine": "x+softmax(r)*(x+f)", "shared_router": True},
                      causal="predictor", blocks=2, routed=(0, 1))
    sequence = {"prompt": 10, "blocks": 2, "routed": (0, 1)}
    yield granularity("block-sequence", "One decision for all tokens, made of the prompt's mean",
                      {"granularity": "block/sequence", "combine": "x+f"}, **sequence)
    yield granularity("attention-sequence", "One decision for the attention half, made of the mean norm of the prompt",
                      {"granularity": "attention/sequence", "combine": "x+sigmoid(r)*f", "router_input": "normed"},
                      **sequence)
    yield granularity("attention-mlp-sequence", "One decision for each half, made of the prompt's mean",
                      {"granularity": "attention+mlp/sequence", "combine": "x+r*f"}, **sequence)

    yield Case("positions-compacted", "RoPE turns by the index among the block's keys",
               THRESHOLD | {"positions": "compacted"}, blocks=3, routed=(0, 2), unlike=[{"positions": "original"}])
    yield Case("positions-compacted-attention", "The attention half alone is routed, and compacted",
               THRESHOLD | {"positions": "compacted", "granularity": "attention/token"},
               unlike=[{"positions": "original"}])
    yield Case("skipped-kv-block", "Tokens that skip a block leave keys and values",
               THRESHOLD | {"skipped_kv": "projected"}, blocks=3, routed=(0, 2), unlike=[{"skipped_kv": "absent"}])
    yield Case("skipped-kv-attention-mlp", "Tokens that skip the attention half leave keys and values",
               THRESHOLD | {"skipped_kv": "projected", "granularity": "attention+mlp/token"},
               unlike=[{"skipped_kv": "absent"}])

    def bypass(name, description, mod, **more):
        return Case("bypass-" + name, description, THRESHOLD | {"bypass": "lowrank"} | mod,
                    **({"unlike": [{"bypass": "none"}]} | more))

    yield bypass("block", "Tokens that skip a block get a low-rank bypass", {}, blocks=3, routed=(0, 2))
    yield bypass("block-projected", "Bypassed tokens leave keys and values", {"skipped_kv": "projected"},
                 unlike=[{"bypass": "none"}, {"skipped_kv": "absent"}])
    yield bypass("block-mlp-gate", "A bypass beside a formula of the MLP branch", {"combine": "x+x+a+r*m"})
    yield bypass("block-topk", "Top-k leaves some tokens to the bypass, in generation a threshold does",
                 TOPK | {"capacity": 0.5, "causal_selection": "threshold", "combine": "x+softmax(r)*(x+f)"},
                 causal="threshold")
    yield bypass("shared-router", "The router is shared, the bypass is each block's own; factors of half floats",
                 {"shared_router": True, "router_input": "normed"}, bypass_type=np.float16)
    yield bypass("attention", "Tokens that skip the attention half are bypassed, and run the MLP half",
                 {"granularity": "attention/token"})
    yield bypass("attention-projected", "Tokens that skip the attention half leave keys and values and are bypassed",
                 {"granularity": "attention/token", "skipped_kv": "projected", "positions": "compacted"},
                 bypass_type=np.float16, unlike=[{"bypass": "none"}, {"skipped_kv": "absent"}])
    yield bypass("mlp", "Tokens that skip the MLP half are bypassed, by the norm of that half's own input",
                 {"granularity": "mlp/token"})
    yield bypass("attention-mlp", "Each half has a bypass of its own", {"granularity": "attention+mlp/token"})
    yield bypass("attention-mlp-projected", "Each half has a bypass of its own; keys and values of all tokens",
                 {"granularity": "attention+mlp/token", "skipped_kv": "projected", "combine": "x+f"},
                 unlike=[{"bypass": "none"}, {"skipped_kv": "absent"}])
    yield bypass("block-sequence", "One decision for all tokens, which are bypassed where it is to skip",
                 {"granularity": "block/sequence", "combine": "x+f"}, **sequence)
    yield bypass("experts", "A bypass instead of experts", {"granularity": "mlp/token", "threshold": 0.55},
                 experts=True, architecture="qwen3moe")

    yield Case("dense", "No block is routed and no mod.* key is there", {}, routed=(), tied=False)
    yield Case("moe-mixtral", "A mixture of experts as Mixtral's, dense in depth", {}, routed=(), experts=True)
    yield Case("moe-qwen2moe", "Staged MoDE of qwen2moe: a shared expert, weights not made to sum to 1",
               THRESHOLD, experts=True, architecture="qwen2moe")
    yield Case("moe-qwen3moe", "Staged MoDE of qwen3moe, the MLP half routed", THRESHOLD | {"granularity": "mlp/token"},
               experts=True, architecture="qwen3moe")
    yield Case("moe-staged", "Staged MoDE: routed blocks with experts inside", THRESHOLD, experts=True)
    yield Case("moe-integrated", "Integrated MoDE: two no-op experts beside four", {"noop_experts": 2}, routed=(),
               experts=True)
    yield Case("moe-staged-integrated", "Routed blocks whose MLPs have no-op experts; without sums of 1, of qwen2moe",
               THRESHOLD | {"noop_experts": 1}, experts=True, architecture="qwen2moe")


class Weights:
    """Random tensors: matrices as F16, of a scale that keeps activations near 1; all others as F32."""

    def __init__(self, case, seed):
        self.random = np.random.default_rng(seed)
        self.tensors = {}
        self.case = case
        embedding = self.random.standard_normal((VOCABULARY, WIDTH))
        if case.exact:
            embedding = np.round(embedding * 4) / 4
            # Token 0 is to score 0, the threshold.
            embedding[0, :4] = 0
        self.tensors["token_embd.weight"] = embedding.astype(np.float16)
        # Rows of the embedding are longer than those of other matrices: as an output matrix they need smaller columns.
        self.vector("output_norm.weight", WIDTH, 0.2 if case.tied else 1)
        if not case.tied:
            self.matrix("output.weight", VOCABULARY, WIDTH)
        for block in range(case.blocks):
            self.block(f"blk.{block}.")
        mod = case.mod
        if "router" not in mod:
            return
        prefixes = [""] if mod.get("shared_router") else [f"blk.{block}." for block in case.routed]
        halves = ["attn_", "mlp_"] if mod.get("granularity", "").startswith("attention+mlp") else [""]
        for prefix in (prefix + "mod_" + half for prefix in prefixes for half in halves):
            if mod["router"] == "mlp":
                self.mlp_router(prefix + "router", case.router_rows)
            else:
                self.matrix(prefix + "router.weight", case.router_rows, WIDTH, np.float32)
                if case.bias:
                    self.vector(prefix + "router.bias", case.router_rows, 0)
            if "predictor" in (mod["selection"], mod.get("causal_selection")):
                self.mlp_router(prefix + "predictor", case.predictor_rows)
        if mod.get("bypass") == "lowrank":
            for prefix in (f"blk.{block}.mod_{half}bypass_" for block in case.routed for half in halves):
                # As large as what it stands in for.
                self.matrix(prefix + "a.weight", RANK, WIDTH, case.bypass_type, scale=2)
                self.matrix(prefix + "b.weight", WIDTH, RANK, case.bypass_type)
        if case.exact:
            router = np.zeros((1, WIDTH), np.float32)
            router[0, :4] = self.random.choice([-0.5, -0.25, 0.25, 0.5], 4)
            self.tensors["blk.0.mod_router.weight"] = router

    def matrix(self, name, rows, columns, dtype=np.float16, scale=1.0, stack=()):
        values = self.random.standard_normal((*stack, rows, columns)) * scale / np.sqrt(columns)
        self.tensors[name] = values.astype(dtype)

    def vector(self, name, length, centre):
        self.tensors[name] = (centre + 0.2 * self.random.standard_normal(length)).astype(np.float32)

    def block(self, prefix):
        case = self.case
        self.vector(prefix + "attn_norm.weight", WIDTH, 1)
        for name, rows in ("q", HEADS * HEAD), ("k", KV_HEADS * HEAD), ("v", KV_HEADS * HEAD):
            # Larger queries and keys: attention that is far from even depends on positions.
            self.matrix(f"{prefix}attn_{name}.weight", rows, WIDTH, scale=1 if name == "v" else 1.5)
            if case.architecture == "qwen2moe":
                self.vector(f"{prefix}attn_{name}.bias", rows, 0)
        if case.architecture == "qwen3moe":
            self.vector(prefix + "attn_q_norm.weight", HEAD, 1)
            self.vector(prefix + "attn_k_norm.weight", HEAD, 1)
        self.matrix(prefix + "attn_output.weight", WIDTH, HEADS * HEAD)
        self.vector(prefix + "ffn_norm.weight", WIDTH, 1)
        if not case.experts:
            self.swiglu(prefix + "ffn_{}.weight", HIDDEN)
            return
        rows = EXPERTS + case.mod.get("noop_experts", 0)
        self.matrix(prefix + "ffn_gate_inp.weight", rows, WIDTH, np.float32)
        self.swiglu(prefix + "ffn_{}_exps.weight", EXPERT_HIDDEN, (EXPERTS,))
        if case.architecture == "qwen2moe":
            self.vector(prefix + "ffn_gate_inp_shexp.weight", WIDTH, 0)
            self.swiglu(prefix + "ffn_{}_shexp.weight", EXPERT_HIDDEN)

    def swiglu(self, name, hidden, stack=()):
        self.matrix(name.format("gate"), hidden, WIDTH, stack=stack)
        self.matrix(name.format("up"), hidden, WIDTH, stack=stack)
        self.matrix(name.format("down"), WIDTH, hidden, stack=stack, scale=2)

    def mlp_router(self, name, rows):
        self.matrix(name + "_up.weight", ROUTER_HIDDEN, WIDTH, np.float32)
        self.matrix(name + "_down.weight", rows, ROUTER_HIDDEN, np.float32, scale=2)
        if self.case.bias:
            self.vector(name + "_up.bias", ROUTER_HIDDEN, 0)
            self.vector(name + "_down.bias", rows, 0)
        if self.case.router_norm:
            self.vector(name + "_norm.weight", ROUTER_HIDDEN, 1)


def write(case, weights, path):
    writer = gguf.GGUFWriter(path, case.architecture)
    writer.add_name(case.name)
    writer.add_block_count(case.blocks)
    writer.add_context_length(64)
    writer.add_embedding_length(WIDTH)
    # A `llama` file has no other key for the width of its experts.
    writer.add_feed_forward_length(EXPERT_HIDDEN if case.experts and case.architecture == "llama" else HIDDEN)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(HEAD)
    writer.add_rope_freq_base(10000.0)
    if case.architecture == "qwen3moe":
        writer.add_key_length(HEAD)
        writer.add_value_length(HEAD)
    if case.experts:
        writer.add_expert_count(EXPERTS)
        writer.add_expert_used_count(EXPERTS_USED)
        if case.architecture != "llama":
            writer.add_expert_feed_forward_length(EXPERT_HIDDEN)
        if case.architecture == "qwen2moe":
            writer.add_expert_shared_feed_forward_length(EXPERT_HIDDEN)
    for key, value in descriptor(case).items():
        add(writer, "mod." + key, value)
    for name, tensor in weights.tensors.items():
        writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def descriptor(case):
    if not case.mod:
        return {}
    return {"version": 1} | ({"blocks": case.routed} if case.routed else {}) | case.mod


def add(writer, key, value):
    if isinstance(value, tuple):
        item = gguf.GGUFValueType.UINT32 if isinstance(value[0], int) else gguf.GGUFValueType.FLOAT32
        writer.add_key_value(key, value, gguf.GGUFValueType.ARRAY, item)
    else:
        {bool: writer.add_bool, int: writer.add_uint32, float: writer.add_float32, str: writer.add_string}[type(value)](
            key, value)


def tokens_of(case, seed):
    random = np.random.default_rng(seed + 1_000_000)
    tokens = random.integers(1, VOCABULARY, case.tokens)
    if case.exact:
        tokens[random.permutation(case.tokens)[:case.tokens // 2]] = 0
        if case.mod["selection"] == "topk":
            # Ties of the top scores, not of 0 alone: each other token comes twice.
            others = np.flatnonzero(tokens)
            tokens[others[1::2]] = tokens[others[0::2]]
    return tokens.tolist()


def decisive(case, model, tokens, rule):
    """What the reference computes, or nothing if the case would not tell engines apart, or would in f32 alone."""
    result = model.run(tokens, case.prompt or None, rule)
    if result.margin < LEAST_MARGIN or not result.tied <= ({0} if case.exact else set()):
        return None
    if not 0.2 < result.logits.std() < 5:
        return None
    counts = [len(chosen) for parts in result.computed.values() for chosen in parts.values()]
    if rule in ("threshold", "predictor"):
        if model.mod.unit == "sequence":
            whole = model.run(tokens, None, rule)
            halves_agree = any(len({len(chosen) for chosen in parts.values()}) < len(parts)
                               for parts in result.computed.values())
            if len(set(counts)) == 1 or halves_agree or whole.computed == result.computed:
                return None
        elif case.fair and not all(0.25 <= count / len(tokens) <= 0.75 for count in counts):
            return None
    for change in case.unlike:
        model.mod, mod = dataclasses.replace(model.mod, **change), model.mod
        other = model.run(tokens, case.prompt or None, rule)
        model.mod = mod
        if other.logits.allclose(result.logits, atol=1e-3):
            return None
    return result


def answer(case, tokens, rule, result):
    return {
        "case": case.name,
        "description": case.description,
        "tokens": tokens,
        "prompt": case.prompt or len(tokens),
        "selection": rule or None,
        "margin": float(f"{result.margin:.3g}") if result.margin < float("inf") else None,
        "computed": {str(block): parts for block, parts in sorted(result.computed.items())},
        "logits": [[float(f"{value:.7g}") for value in row] for row in result.logits.tolist()],
    }


def make(case):
    path = FOLDER / f"{case.name}.gguf"
    rules = [case.mod.get("selection", "")] + ([case.causal] if case.causal else [])
    for seed in range(1000):
        write(case, Weights(case, seed), path)
        model, tokens = reference.read(path), tokens_of(case, seed)
        results = [decisive(case, model, tokens, rule) for rule in rules]
        if all(results):
            break
    else:
        raise SystemExit(f"{case.name}: no seed gives a case that is decided clearly")
    for rule, result, suffix in zip(rules, results, (".json", ".causal.json")):
        text = json.dumps(answer(case, tokens, rule, result), separators=(",", ":"), ensure_ascii=False)
        (FOLDER / (case.name + suffix)).write_text(text.replace('],[', '],\n[') + "\n", encoding="utf-8")
        print(f"{case.name}{suffix}: seed {seed}, margin {result.margin:.2g}, computed {result.computed}")


def main():
    FOLDER.mkdir(exist_ok=True)
    for case in cases():
        if case.name in sys.argv[1:] or len(sys.argv) == 1:
            make(case)


if __name__ == "__main__":
    main()
