"""Adapters as safetensors files with the `mod` descriptor, and what they hold."""
import json

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from model import Mod, Model

LORA_SCALE = 2.0


def held(name):
    return ".mod_" in name or ".lora_" in name


def tensors(model):
    """What is not the dense model's, by name."""
    return {name: parameter.detach().clone() for name, parameter in model.named_parameters() if held(name)}


@torch.no_grad()
def restore(model, values):
    parameters = dict(model.named_parameters())
    for name, value in values.items():
        parameters[name].copy_(value)


def write(path, model, zero, initial, note, lora_optional=False, **more):
    """Scores are shifted by `zero`, so that the threshold 0.5 is the adapter's own; a sigmoid of the rest is the dial."""
    mod, values, lora = model.mod, {}, None
    for name, value in tensors(model).items():
        value = value.cpu().float()
        if name.endswith("router.bias"):
            value = value - zero
        if ".lora_" in name:
            lora = {"rank": value.shape[0] if name.endswith("lora_a") else value.shape[1], "scale": LORA_SCALE, "optional": lora_optional}
        values[name] = value.contiguous() if "router" in name else value.half().contiguous()
    descriptor = {
        "version": 1, "blocks": list(mod.blocks), "granularity": mod.part + "/token", "router": "linear",
        "selection": "threshold", "threshold": 0.5, "combine": "x+f", "positions": "original",
        "skipped_kv": "projected" if mod.projected else "absent", "initial_tokens": initial}
    if mod.bypass:
        descriptor["bypass"] = "lowrank"
    if mod.position_slope:
        descriptor["position_slope"] = mod.position_slope
    if lora:
        descriptor["lora"] = lora
    descriptor |= {"note": note, **more}
    save_file(values, path, {"mod": json.dumps(descriptor)})


def read(path, dense):
    """The dense model with an adapter of this tool applied, its weights shared, and the adapter's descriptor."""
    with safe_open(path, "pt") as file:
        descriptor = json.loads(file.metadata()["mod"])
        values = {name: file.get_tensor(name).float() for name in file.keys()}
    rank = next((len(v) for name, v in values.items() if name.endswith("bypass_a.weight")), 0)
    mod = Mod(tuple(descriptor["blocks"]), descriptor["granularity"].split("/")[0],
              descriptor["skipped_kv"] == "projected", rank, position_slope=descriptor.get("position_slope", 0.0))
    model = Model(dense.config, mod)
    model.load_state_dict(dense.state_dict(), strict=False, assign=True)
    model.to(dense.head().device)
    for name in values:
        if name.endswith(".lora_a"):
            model.get_submodule(name.removesuffix(".lora_a")).add_lora(descriptor["lora"]["rank"], descriptor["lora"]["scale"])
    restore(model, values)
    return model.requires_grad_(False), descriptor
