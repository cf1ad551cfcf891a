"""The same with pytorch-lightning. `python with_lightning.py TASK.json OUT`."""

import json
import logging
import sys
import warnings
from pathlib import Path

import pytorch_lightning as lightning
import torch
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.loggers import CSVLogger
from task import BATCH, trials
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader


class Classifier(lightning.LightningModule):
    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model = model

    def training_step(self, batch, _):
        x, y = batch
        return cross_entropy(self.model(x), y)

    def validation_step(self, batch, _, dataloader_idx=0):
        x, y = batch
        logits = self.model(x)
        part = ("validation", "test")[dataloader_idx]
        values = {"loss": cross_entropy(logits, y), "accuracy": (logits.argmax(1) == y).float().mean()}
        self.log_dict({f"{part}_{k}": v for k, v in values.items()}, add_dataloader_idx=False, batch_size=len(y))

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=1e-3)


def main() -> None:
    task, out = json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2])
    warnings.simplefilter("ignore")
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    torch.set_num_threads(2)
    accuracies = []
    for name, (train, validation, test), network in trials(task):
        model = Classifier(network)
        keep = ModelCheckpoint(out / name, monitor="validation_accuracy", mode="max")
        trainer = lightning.Trainer(
            max_epochs=task["epochs"], accelerator="cpu", callbacks=[keep], num_sanity_val_steps=0,
            logger=CSVLogger(out, name=name), enable_progress_bar=False,
            enable_model_summary=False,
        )  # fmt: skip
        held_out = [DataLoader(part, BATCH) for part in (validation, test)]
        trainer.fit(model, DataLoader(train, BATCH, shuffle=True), held_out)
        accuracies.append(trainer.callback_metrics["test_accuracy"].item())
    print(sum(accuracies) / len(accuracies))


main()
