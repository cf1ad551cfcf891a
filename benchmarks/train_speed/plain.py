"""The rival that the reports describe: a plain PyTorch loop. `python plain.py TASK.json OUT`."""

import json
import sys
from pathlib import Path

import torch
from task import BATCH, trials
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader


def evaluate(model: torch.nn.Module, loader: DataLoader) -> tuple[float, float]:
    model.eval()
    loss = correct = n = 0
    with torch.no_grad():
        for x, y in loader:
            logits = model(x)
            loss += cross_entropy(logits, y, reduction="sum").item()
            correct += (logits.argmax(1) == y).sum().item()
            n += len(y)
    return loss / n, correct / n


def main() -> None:
    task, out = json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2])
    torch.set_num_threads(2)
    accuracies = []
    for name, (train, validation, test), model in trials(task):
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
        batch = task.get("batch", BATCH)
        loader = DataLoader(train, batch, shuffle=True)
        held_out = [DataLoader(part, batch) for part in (validation, test)]
        history, best = [], -1.0
        for _ in range(task["epochs"]):
            model.train()
            for x, y in loader:
                loss = cross_entropy(model(x), y)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            history.append([evaluate(model, part) for part in held_out])
            if history[-1][0][1] > best:
                best = history[-1][0][1]
                chosen = history[-1][1][1]
                torch.save(model.state_dict(), out / f"{name}.pt")
        accuracies.append(chosen)
        (out / f"{name}.json").write_text(json.dumps(history))
    print(sum(accuracies) / len(accuracies))


main()
