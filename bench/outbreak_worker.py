"""Run covasim or epiworldpy on uniform mixing and time them; for a Python of their own.

Reads JSON from stdin: ``{"peer", "agents", "reproduction", "days", "importation",
"replications"}``; writes ``{"version", "cpu_s", "attack"}``, both per replication.
"""

import json
import sys
import time
from importlib.metadata import version


def covasim(asked: dict, seed: int) -> float:
    """Return the attack rate of one run; its time is that of building and running."""
    import covasim as cv

    settings = {
        "pop_size": asked["agents"],
        "pop_type": "random",
        "pop_infected": 1,
        "n_days": asked["days"],
        "n_imports": asked["importation"] * asked["agents"],
        "beta": 0.016 * asked["reproduction"] / 2.3,  # its default gives R0 of 2.2 to 2.4
        "rand_seed": seed,
        "verbose": 0,
    }
    sim = cv.Sim(settings)
    sim.run()
    return float(sim.summary["cum_infections"]) / asked["agents"]


def epiworld(asked: dict, seed: int) -> float:
    """Return the attack rate of one run of its connected SEIR model."""
    from epiworldpy import epimodels

    recovery, contacts = 0.25, 10.0
    first = max(1e-9, asked["importation"] * 20)
    model = epimodels.ModelSEIRCONN(
        "v", asked["agents"], first, contacts, asked["reproduction"] * recovery / contacts, 3.0, recovery
    )
    model.verbose_off()
    model.run(asked["days"], seed)
    total = model.get_db().get_hist_total()["counts"][-4:]
    return 1.0 - float(total[0]) / asked["agents"]


def main() -> None:
    """Answer what is on stdin."""
    asked = json.load(sys.stdin)
    run = covasim if asked["peer"] == "covasim" else epiworld
    run(asked | {"agents": 500}, 0)  # imports and compilation
    cpu = time.process_time()
    attack = [run(asked, 1 + at) for at in range(asked["replications"])]
    found = {
        "version": version("covasim" if asked["peer"] == "covasim" else "epiworldpy"),
        "cpu_s": (time.process_time() - cpu) / asked["replications"],
        "attack": sum(attack) / len(attack),
    }
    print("\n" + json.dumps(found))


if __name__ == "__main__":
    main()
