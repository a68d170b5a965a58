"""Kernels in Triton for CUDA cards: what the library leaves between its convolutions is part of them here.

A convolution reads its maps by index, so that reflection, replication and nearest upsampling take no copy,
and adds bias, ReLU, pooling and an instance norm's sums to what it writes. It is an implicit product of
matrices: positions, a tile of the map for each program, by output channels, over taps and input channels;
products are of half precision, sums float32. All maps are channels last and of one picture.

Where a position counts as four, `FOLD`, its output channels are those of the four pixels of a cell, place by
place, (2 p + q) * C + c, and are written where these pixels lie.

Sizes of maps are not specialised on, as nothing is read or written the faster for it: else pictures whose
sides 16 does not divide would have all kernels compiled anew, up to three times.
"""

# To Python's own types Triton's are not known:
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportGeneralTypeIssues=false
# pyright: reportOperatorIssue=false, reportPossiblyUnboundVariable=false

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def turned(index, last, CONTINUED: tl.constexpr):
    """A position that may lie outside of 0..last, within."""
    if CONTINUED == "reflect":
        return last - tl.abs(last - tl.abs(index))
    elif CONTINUED == "replicate":
        return tl.minimum(tl.maximum(index, 0), last)
    else:
        return index


@triton.jit
def _at(maps, rows, columns, width, n, channels):
    """Values of maps `(h, width, channels)` at some positions and channels."""
    places = (rows.to(tl.int64) * width + columns) * channels
    values = tl.load(maps + (places[:, None] + n[None, :]), mask=(n < channels)[None, :], other=0.0)
    return values.to(tl.float32)


@triton.jit(do_not_specialize=["height", "width", "rows", "columns"])
def convolution(
    x, weight, bias, more, y, pooled, sums,
    height, width, pitch, column, rows, columns, cin, cout, channels, yrow, ycol, ychan,
    SY: tl.constexpr, SX: tl.constexpr, STEP: tl.constexpr, BEFORE: tl.constexpr, CONTINUED: tl.constexpr,
    COLUMN: tl.constexpr, DOUBLED: tl.constexpr, FOLD: tl.constexpr, SPLIT: tl.constexpr,
    BIAS: tl.constexpr, MORE: tl.constexpr, RELU: tl.constexpr, KEEP: tl.constexpr, POOL: tl.constexpr,
    SUMS: tl.constexpr, SLOTS: tl.constexpr, ACROSS: tl.constexpr, BM: tl.constexpr, BN: tl.constexpr,
    BK: tl.constexpr, NEAR: tl.constexpr,
):  # fmt: skip
    """See `fused_layers.convolved`."""
    blocks = tl.cdiv(cout, BN)
    tile, block = tl.program_id(0) // blocks, tl.program_id(0) % blocks
    tiles = tl.cdiv(columns, 2 * ACROSS)
    top, left = (tile // tiles) * (BM // (2 * ACROSS)), (tile % tiles) * 2 * ACROSS
    m = tl.arange(0, BM)
    cell = m // 4
    down = 2 * (cell // ACROSS) + (m % 4) // 2
    oy, ox = top + down, left + 2 * (cell % ACROSS) + m % 2
    iy, ix = tl.minimum(oy, rows - 1) * STEP - BEFORE, tl.minimum(ox, columns - 1) * STEP - BEFORE
    p, q = 0, 0
    if DOUBLED:
        p, q = tl.program_id(1) // 2, tl.program_id(1) % 2
        iy, ix = iy + p, ix + q
        weight += tl.program_id(1) * cout * SY * SX * cin
    first = top * STEP
    source = x + first.to(tl.int64) * pitch
    n, k = block * BN + tl.arange(0, BN), tl.arange(0, BK)
    kernels = weight + n[None, :] * (SY * SX * cin) + k[:, None]
    acc = tl.zeros((BM, BN), tl.float32)
    for step in range(SY * SX * (cin // BK)):
        chunk, tap = step // (SY * SX), step % (SY * SX)
        here = (turned(iy + tap // SX, height - 1, CONTINUED) - first) * pitch
        across = turned(ix + tap % SX, width - 1, CONTINUED)
        if COLUMN:
            here += across * COLUMN
        else:
            here += across * column
        places = here[:, None] + (chunk * BK + k)[None, :]
        if NEAR:  # reads of 8 bytes go by way of the first cache, those of 16 past it
            places = tl.max_contiguous(tl.multiple_of(places, (1, 4)), (1, 4))
        a = tl.load(source + places)
        b = tl.load(kernels + (tap * cin + chunk * BK), mask=n[None, :] < cout, other=0.0)
        acc = tl.dot(a, b, acc)
    inside = (oy < rows) & (ox < columns)
    if SPLIT:
        acc = tl.sum(tl.reshape(acc, (BM, 2, BN // 2)), 1)
        n = tl.arange(0, BN // 2)
        cout = channels * 4 if FOLD else channels
    if BIAS:
        own = n % channels if FOLD else n
        acc += tl.load(bias + own, mask=n < cout, other=0.0).to(tl.float32)[None, :]
    if MORE != "":  # of half the size, upsampled
        small, wide = rows // 2, columns // 2
        row, here = tl.minimum(oy, rows - 1) // 2, tl.minimum(ox, columns - 1) // 2
        if MORE == "bilinear":
            far = turned(row + 2 * (oy % 2) - 1, small - 1, "replicate")
            beside = turned(here + 2 * (ox % 2) - 1, wide - 1, "replicate")
            acc += 0.5625 * _at(more, row, here, wide, n, cout)
            acc += 0.1875 * _at(more, row, beside, wide, n, cout)
            acc += 0.1875 * _at(more, far, here, wide, n, cout)
            acc += 0.0625 * _at(more, far, beside, wide, n, cout)
        else:
            acc += _at(more, row, here, wide, n, cout)
    if RELU:
        acc = tl.maximum(acc, 0.0)
    if SUMS:
        counted = tl.where(inside[:, None], acc, 0.0)
        places = sums + (tl.program_id(0) % SLOTS) * 2 * channels + n % channels
        tl.atomic_add(places, tl.sum(counted, 0), mask=n < cout, sem="relaxed")
        tl.atomic_add(places + channels, tl.sum(counted * counted, 0), mask=n < cout, sem="relaxed")
    if KEEP:
        if FOLD:
            place = n // channels
            beside = (place // 2) * yrow + (place % 2) * ycol + (n % channels) * ychan
            whither = 2 * down * yrow + 2 * ox * ycol
            target = y + (2 * top).to(tl.int64) * yrow
        elif DOUBLED:
            beside = n * ychan
            whither = (2 * down + p) * yrow + (2 * ox + q) * ycol
            target = y + (2 * top).to(tl.int64) * yrow
        else:
            beside = n * ychan
            whither = down * yrow + ox * ycol
            target = y + top.to(tl.int64) * yrow
        tl.store(
            target + (whither[:, None] + beside[None, :]),
            acc.to(y.dtype.element_ty),
            mask=inside[:, None] & (n < cout)[None, :],
        )
    if POOL:
        most = tl.max(tl.reshape(acc, (BM // 4, 4, BN)), 1)
        cell = tl.arange(0, BM // 4)
        down, ox = cell // ACROSS, left // 2 + cell % ACROSS
        inside = (top // 2 + down < rows // 2) & (ox < columns // 2)
        whither = (down * (columns // 2) + ox) * cout
        target = pooled + (top // 2).to(tl.int64) * (columns // 2) * cout
        tl.store(
            target + (whither[:, None] + n[None, :]),
            most.to(pooled.dtype.element_ty),
            mask=inside[:, None] & (n < cout)[None, :],
        )


@triton.jit(do_not_specialize=["height", "width", "rows"])
def picture(
    x, out, height, width, rows, pitch, xrow, xcolumn, xchannel, BEFORE: tl.constexpr, BLOCK: tl.constexpr
):  # fmt: skip
    """See `fused_layers.pictured`."""
    index = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    channel, column, row = index % 4, index // 4 % pitch, index // (4 * pitch)
    here = turned(row - BEFORE, height - 1, "reflect") * xrow
    here += turned(tl.minimum(column - BEFORE, width + BEFORE - 1), width - 1, "reflect") * xcolumn
    inside = (row < rows) & (channel < 3)
    pixels = tl.load(x + (here + channel * xchannel), mask=inside, other=1.0)
    tl.store(out + index, pixels.to(out.dtype.element_ty), mask=row < rows)


@triton.jit(do_not_specialize=["positions"])
def norm(
    y, sums, scale, shift, stream, out, positions, channels, ypos, ychan, eps,
    RELU: tl.constexpr, ADDED: tl.constexpr, SIGMOID: tl.constexpr,
    SLOTS: tl.constexpr, CHANNELS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """An instance norm by sums and sums of squares, and what follows it. See `fused_layers.normalised`."""
    c, slot = tl.arange(0, CHANNELS), tl.arange(0, SLOTS)
    known = c < channels
    parts = sums + (slot[:, None] * 2 * channels + c[None, :])
    mean = tl.sum(tl.load(parts, mask=known[None, :], other=0.0), 0) / positions
    square = tl.sum(tl.load(parts + channels, mask=known[None, :], other=0.0), 0) / positions
    gain = tl.load(scale + c, mask=known, other=0.0) / tl.sqrt(tl.maximum(square - mean * mean, 0.0) + eps)
    bias = tl.load(shift + c, mask=known, other=0.0) - mean * gain
    position = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    inside = (position < positions)[:, None] & known[None, :]
    places = position[:, None] * ypos + (c * ychan)[None, :]
    values = tl.load(y + places, mask=inside, other=0.0).to(tl.float32) * gain[None, :] + bias[None, :]
    if RELU:
        values = tl.maximum(values, 0.0)
    if ADDED:
        values += tl.load(stream + places, mask=inside, other=0.0).to(tl.float32)
    if SIGMOID:
        values = 1.0 / (1.0 + tl.exp(-values))
    tl.store(out + places, values.to(out.dtype.element_ty), mask=inside)


@triton.jit(do_not_specialize=["height", "width", "down", "across", "positions"])
def slope(
    grad, more, y, out, height, width, down, across, channels, positions,
    GRAD: tl.constexpr, MORE: tl.constexpr, POOLED: tl.constexpr, RELU: tl.constexpr, BLOCK: tl.constexpr,
    BC: tl.constexpr,
):  # fmt: skip
    """The gradient by what a ReLU is given. See `fused_layers.sloped`."""
    position = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    c = tl.program_id(1) * BC + tl.arange(0, BC)
    i, j = position // width, position % width
    known = (position < positions)[:, None] & (c < channels)[None, :]
    places = position.to(tl.int64)[:, None] * channels + c[None, :]
    values = tl.zeros((BLOCK, BC), tl.float32)
    if GRAD:
        row, column = i, j
        taken = known
        if POOLED:
            row, column = i // 2, j // 2
            taken = known & ((row < down) & (column < across))[:, None]
        for a in tl.static_range(3):
            for b in tl.static_range(3):
                above, beside = row + 1, column + 1
                met = position < positions
                if a == 1:
                    above, met = row * 0, met & (row == 1)
                if a == 2:
                    above, met = row * 0 + down + 1, met & (row == down - 2)
                if b == 1:
                    beside, met = column * 0, met & (column == 1)
                if b == 2:
                    beside, met = column * 0 + across + 1, met & (column == across - 2)
                lies = (above.to(tl.int64) * (across + 2) + beside) * channels
                values += tl.load(
                    grad + (lies[:, None] + c[None, :]), mask=taken & met[:, None], other=0.0
                ).to(tl.float32)
    if RELU:
        own = tl.load(y + places, mask=known, other=0.0)
        if POOLED:
            for k in tl.static_range(4):
                lies = ((i // 2 * 2 + k // 2).to(tl.int64) * width + j // 2 * 2 + k % 2) * channels
                other = tl.load(y + (lies[:, None] + c[None, :]), mask=taken, other=0.0)
                later = (i % 2 * 2 + j % 2 > k)[:, None]
                values = tl.where((other > own) | ((other == own) & later), 0.0, values)
    if MORE:
        values += tl.load(more + places, mask=known, other=0.0).to(tl.float32)
    if RELU:
        values = tl.where(own > 0, values, 0.0)
    tl.store(out + places, values.to(out.dtype.element_ty), mask=known)
