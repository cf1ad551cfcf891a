"""The same with skorch. `python with_skorch.py TASK.json OUT`."""

import json
import sys
from pathlib import Path

import torch
from skorch import NeuralNetClassifier
from skorch.callbacks import Checkpoint, EpochScoring
from skorch.helper import predefined_split
from task import BATCH, trials


def main() -> None:
    task, out = json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2])
    torch.set_num_threads(2)
    accuracies = []
    for name, (train, validation, test), network in trials(task):

        def on_test(net, *_, test=test):
            return (net.predict(test) == test.y.numpy()).mean()

        net = NeuralNetClassifier(
            network,
            criterion=torch.nn.CrossEntropyLoss,
            optimizer=torch.optim.Adam,
            lr=1e-3,
            classes=sorted(set(train.y.tolist())),
            max_epochs=task["epochs"],
            batch_size=BATCH,
            iterator_train__shuffle=True,
            train_split=predefined_split(validation),
            callbacks=[
                EpochScoring(on_test, name="test_accuracy", lower_is_better=False, use_caching=False),
                Checkpoint(dirname=out / name, monitor="valid_acc_best"),
            ],
            verbose=0,
        )
        net.fit(train, None)
        accuracies.append(net.history[-1, "test_accuracy"])
    print(sum(accuracies) / len(accuracies))


main()
