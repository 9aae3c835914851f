"""The same operator gives the same plan to the last bit, whatever the machine computes with.

The machine that differs most is a new installation, whose kernels a worker compiles before its first closure.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bench.first_closure import measure
from examples import from_call_log
from examples.banks import BANKS

ROOT = Path(__file__).parents[2]
WHOLE = bool(os.environ.get("RELEVE_ALL_MACHINES"))
SMALL = "120,3,2,12"
SAMPLES = (SMALL, "200,4,1,0", "kits:120,3,1,0", "hybrid") if WHOLE else (SMALL, "kits:60,2,1,0", "hybrid")
OWN = (
    "OPENBLAS_CORETYPE", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "NUMBA_CPU_NAME",
    "NUMBA_NUM_THREADS", "POLARS_MAX_THREADS", "PYTHONHASHSEED", "NPY_DISABLE_CPU_FEATURES",
    "GLIBC_TUNABLES",
)  # fmt: skip
NEEDS = {"Haswell": "avx2", "Zen": "avx2", "SkylakeX": "avx512f"}
"""What a processor must know for the kernels of another."""
MACHINES = {
    "generic": {
        "OPENBLAS_CORETYPE": "Nehalem", "NUMBA_CPU_NAME": "generic", "OPENBLAS_NUM_THREADS": "1",
        "POLARS_MAX_THREADS": "1", "PYTHONHASHSEED": "0",
    },
    "without AVX and FMA": {
        "OPENBLAS_CORETYPE": "Nehalem", "NUMBA_CPU_NAME": "generic", "OPENBLAS_NUM_THREADS": "2",
        "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA,-AVX512F", "PYTHONHASHSEED": "random",
        "NPY_DISABLE_CPU_FEATURES": "X86_V4 X86_V3",
    },
    "Haswell": {"OPENBLAS_CORETYPE": "Haswell", "OPENBLAS_NUM_THREADS": "2"},
    "SkylakeX": {"OPENBLAS_CORETYPE": "SkylakeX", "OPENBLAS_NUM_THREADS": "1"},
    "Zen": {"OPENBLAS_CORETYPE": "Zen", "PYTHONHASHSEED": "random", "POLARS_MAX_THREADS": "2"},
}  # fmt: skip


def digests(machine: str, *words: str, kernels: str = "") -> str:
    environ = {name: value for name, value in os.environ.items() if name not in OWN} | MACHINES.get(machine, {})
    if kernels:
        del environ["NUMBA_CACHE_DIR"]
        environ["RELEVE_CACHE_DIR"] = kernels
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.plan.same_bits", *words],
        cwd=ROOT, env=environ, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def here() -> list[str]:
    return digests("", *SAMPLES).splitlines()


FAR = "without AVX and FMA"
"""The machine that differs most."""
ASKED = dict.fromkeys(MACHINES, SAMPLES) if WHOLE else {FAR: SAMPLES, "Haswell": (SMALL,)}
"""The machines and what they plan; OpenBLAS takes the kernels of Haswell by itself on few."""


def usable(machine: str) -> bool:
    flags = Path("/proc/cpuinfo").read_text(encoding="utf-8").split()
    return NEEDS.get(machine, "") in ["", *flags]


@pytest.fixture(scope="module")
def closure(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str]:
    """What the first closure of a new installation on that machine counts, and the folder of its kernels."""
    folder = tmp_path_factory.mktemp("new")
    return measure(sys.executable, folder, machine=MACHINES[FAR]), str(folder / "kernels")


@pytest.mark.slow
def test_the_first_closure_after_an_installation_compiles_nothing(closure: tuple[dict[str, Any], str]) -> None:
    found, _ = closure
    assert found["status"] == ["compiling", "ready"]
    before, *during = found["compilations"]
    assert before > 20, "numba says what it compiles"
    assert during == [0, 0]


@pytest.mark.slow
@pytest.mark.parametrize("machine", ASKED)
def test_another_machine_makes_the_same_plan_to_the_last_bit(
    machine: str, here: list[str], closure: tuple[dict[str, Any], str]
) -> None:
    if not usable(machine):
        pytest.skip(f"this processor lacks {NEEDS[machine]}, which the kernels of {machine} need")
    kernels = closure[1] if machine == FAR else ""
    assert digests(machine, *ASKED[machine], kernels=kernels).splitlines() == here[: len(ASKED[machine])]


@pytest.mark.slow
@pytest.mark.realdata
def test_the_banks_of_the_guide_are_planned_alike(
    shared_data: Path, tmp_path: Path, closure: tuple[dict[str, Any], str]
) -> None:
    out = tmp_path / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        patch.setenv("OUT", str(out))
        patch.setenv("RELEVE_SHARED", str(shared_data.parent))
        made = CliRunner().invoke(from_call_log.main, [str(out)])
    assert made.exit_code == 0, made.output
    folders = [str(out / bank.id) for bank in BANKS]
    assert digests(FAR, *folders, kernels=closure[1]) == digests("", *folders)


@pytest.mark.slow
def test_noise_in_the_last_bits_ends_at_the_decimal_grid(here: list[str]) -> None:
    """And would not end without it: the same noise gives another plan."""
    samples = SAMPLES if WHOLE else (SMALL,)
    assert digests("", "--noise", "7", *samples).splitlines() == here[: len(samples)]
    (without,) = digests("", "--noise", "7", "--no-grid", SMALL).splitlines()
    assert without.startswith(f"{SMALL} ")
    assert without not in here
