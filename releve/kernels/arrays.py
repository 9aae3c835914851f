"""The types of arrays that all engines write in their signatures, where axes and units stand; their shapes, checked."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Truths = NDArray[np.bool_]


def fit(name: str, unit: str, array: NDArray[Any], axes: Mapping[str, int]) -> NDArray[Any]:
    """Return ``array`` broadcast to the sizes of its named axes; ValueError names array, axis and unit."""
    sizes = tuple(axes.values())
    wanted = f"{name}[{', '.join(f'{axis}={size}' for axis, size in axes.items())}] in {unit}"
    if array.ndim > len(sizes):
        raise ValueError(f"expected {wanted}, got {array.ndim} axes {array.shape}")
    for axis, size, found in zip([*axes][len(sizes) - array.ndim :], sizes[len(sizes) - array.ndim :], array.shape,
                                 strict=True):  # fmt: skip
        if found not in (1, size):
            raise ValueError(f"expected {wanted}, got shape {array.shape}: {found} on the axis {axis}, not {size}")
    return np.broadcast_to(array, sizes)


def require_same_axes(arrays: Mapping[str, tuple[str, NDArray[Any]]]) -> tuple[int, ...]:
    """Return the shape to which arrays, each with its unit, broadcast; ValueError names the two that do not."""
    wide = max((array.ndim for _, array in arrays.values()), default=0)
    sizes, owners = [1] * wide, [""] * wide
    for name, (unit, array) in arrays.items():
        for axis, size in enumerate(array.shape, start=wide - array.ndim):
            if size == 1 or size == sizes[axis]:
                continue
            if sizes[axis] != 1:
                first = owners[axis]
                raise ValueError(
                    f"expected the same size on axis {axis}, got {sizes[axis]} of {first} in {arrays[first][0]} "
                    f"and {size} of {name} in {unit}"
                )
            sizes[axis], owners[axis] = size, name
    return tuple(sizes)
