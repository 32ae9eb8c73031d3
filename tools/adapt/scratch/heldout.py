"""What a model does with held-out text under each rule: losses, and how well the predictor knows top-k's choice."""
import torch
import torch.nn.functional as F

WINDOWS = 512
BATCH = 32


def rules_of(model):
    """Names and rules of `Model.forward`, as `depths` names them."""
    if not model.mod.blocks:
        return {"dense": None}
    return {"topk": model.topk, "predictor": model.predictor, "dense": model.everything}


def is_routed(run):
    """Of the results of a run."""
    return run["settings"]["shape"]["capacity"] > 0


def own_loss(run):
    """Of the results of a run: the loss as it was trained."""
    return run["held_out"]["topk" if is_routed(run) else "dense"]


@torch.no_grad()
def losses(model, windows, count=WINDOWS):
    """The mean loss under each rule."""
    out = {}
    for name, rule in rules_of(model).items():
        total = torch.zeros((), dtype=torch.float64, device=windows.ids.device)
        for number in range(count // BATCH):
            tokens, targets = windows.batch(number, BATCH)
            total += F.cross_entropy(model(tokens, rule).flatten(0, 1), targets.flatten())
        out[name] = total.item() / (count // BATCH)
    return out


@torch.no_grad()
def agreement(model, windows, threshold=0.5, count=WINDOWS):
    """How the predictor's choices compare with top-k's where both see what top-k left, over (token, block) pairs."""
    pairs = []

    def rule(block, prefix, x):
        decision = model.topk(block, prefix, x)
        pairs.append((decision.chosen, torch.sigmoid(block.predict(x, prefix)) > threshold))
        return decision

    for number in range(count // BATCH):
        model(windows.batch(number, BATCH)[0], rule)
    topk, predicted = (torch.cat([p[i].flatten() for p in pairs]) for i in (0, 1))
    both = (topk & predicted).sum().item()
    return {"accuracy": (topk == predicted).float().mean().item(), "precision": both / max(1, predicted.sum().item()),
            "recall": both / topk.sum().item(), "share_predicted": predicted.float().mean().item(),
            "share_topk": topk.float().mean().item()}
