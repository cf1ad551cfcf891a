"""The same with skorch. `python with_skorch.py TASK.json OUT`."""

import json
import sys
from pathlib import Path

import torch
from skorch import NeuralNetClassifier
from skorch.callbacks import Checkpoint, EpochScoring
from skorch.helper import predefined_split
from task import ACTIVATIONS, BATCH, SEEDS, network, parts


def main() -> None:
    task, out = json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2])
    torch.set_num_threads(2)
    accuracies = []
    for seed in SEEDS:
        for activation in ACTIVATIONS:
            torch.manual_seed(seed)
            train, validation, test, shape, n_classes = parts(task, seed)

            def on_test(net, *_, test=test):
                return (net.predict(test) == test.y.numpy()).mean()

            net = NeuralNetClassifier(
                network(task, activation, seed, shape, n_classes),
                criterion=torch.nn.CrossEntropyLoss,
                optimizer=torch.optim.Adam,
                lr=1e-3,
                classes=list(range(n_classes)),
                max_epochs=task["epochs"],
                batch_size=BATCH,
                iterator_train__shuffle=True,
                train_split=predefined_split(validation),
                callbacks=[
                    EpochScoring(on_test, name="test_accuracy", lower_is_better=False, use_caching=False),
                    Checkpoint(dirname=out / f"{activation}-{seed}", monitor="valid_acc_best"),
                ],
                verbose=0,
            )
            net.fit(train, None)
            accuracies.append(net.history[-1, "test_accuracy"])
    print(sum(accuracies) / len(accuracies))


main()
