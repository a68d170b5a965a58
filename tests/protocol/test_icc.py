"""Profiles: agreement with LittleCMS, exactness where nothing changed, and no trust in damaged ones."""

from __future__ import annotations

import io

import numpy as np
import profiles
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms
from velatura import srgb
from velatura.pictures import icc

KINDS = {
    "adobe": profiles.profile(profiles.ADOBE, profiles.gamma_curve(2.19921875)),
    "p3": profiles.profile(profiles.P3, profiles.SRGB_CURVE),
    "table": profiles.profile(profiles.ADOBE, profiles.table_curve(1.8)),
}


def inside_srgb(data: bytes) -> np.ndarray:
    """Colours of the profile that sRGB can show: taken from sRGB by LittleCMS."""
    steps = np.linspace(20, 235, 7).round().astype(np.uint8)
    cube = np.stack(np.meshgrid(steps, steps, steps), -1).reshape(1, -1, 3)
    there = ImageCms.ImageCmsProfile(io.BytesIO(data))
    out = ImageCms.profileToProfile(Image.fromarray(cube), ImageCms.createProfile("sRGB"), there)
    assert out is not None
    return np.asarray(out)


def test_srgb_is_littlecms_s_own():
    theirs = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    written = slice(24, 36)  # when, in its header
    assert len(srgb.PROFILE) == len(theirs)
    assert srgb.PROFILE[: written.start] == theirs[: written.start]
    assert srgb.PROFILE[written.stop :] == theirs[written.stop :]


@pytest.mark.parametrize("kind", KINDS)
def test_it_agrees_with_littlecms(kind):
    array, data = inside_srgb(KINDS[kind]), KINDS[kind]
    source = ImageCms.ImageCmsProfile(io.BytesIO(data))
    theirs = ImageCms.profileToProfile(Image.fromarray(array), source, ImageCms.createProfile("sRGB"))
    profile = icc.parse(data)
    assert profile is not None and theirs is not None
    ours = icc.to_srgb(array, profile).astype(float) / 257
    assert np.abs(ours - np.asarray(theirs)).max() <= 1.6  # both round, and theirs works with 8 bits


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_what_the_daemon_left_alone_keeps_its_bytes(kind, dtype):
    rng = np.random.default_rng(3)
    top = 1 if dtype == np.float32 else np.iinfo(dtype).max
    original = (rng.random((9, 11, 4)) * top).astype(dtype)  # with colours outside sRGB among them
    profile = icc.parse(KINDS[kind])
    assert profile is not None
    sent = icc.to_srgb(original, profile)
    changed = sent.copy()
    changed[2:4, :, 0] = sent[2:4, :, 0] // 2 if dtype != np.float32 else sent[2:4, :, 0] / 2
    out = icc.from_srgb(changed, sent, original, profile)
    untouched = (changed == sent).all(2)
    assert out.dtype == dtype and np.array_equal(out[untouched], original[untouched])
    assert not np.array_equal(out[2:4], original[2:4])


@given(st.sampled_from(sorted(KINDS)), st.lists(st.floats(0.02, 0.98), min_size=3, max_size=3))
def test_there_and_back_is_where_it_began_inside_srgb(kind, colour):
    profile = icc.parse(KINDS[kind])
    assert profile is not None
    srgb = np.array([colour], np.float32)
    assert np.abs(profile.to_srgb(profile.from_srgb(srgb)) - srgb).max() < 2e-3


def test_white_stays_white_and_black_black():
    for data in KINDS.values():
        profile = icc.parse(data)
        assert profile is not None
        ends = np.array([[0, 0, 0], [1, 1, 1]], np.float32)
        assert np.abs(profile.to_srgb(ends) - ends).max() < 2e-3


def test_srgb_needs_no_conversion():
    assert icc.parse(profiles.profile(profiles.SRGB, profiles.SRGB_CURVE)) is None
    assert icc.parse(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()) is None


@given(st.integers(0, 600), st.integers(0, 255))
def test_a_damaged_profile_is_kept_without_being_interpreted(at, byte):
    data = bytearray(KINDS["adobe"])
    data[at % len(data)] = byte
    icc.parse(bytes(data))  # a profile or None, never an exception
    assert icc.parse(bytes(data[: at % 128])) is None
