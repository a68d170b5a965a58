"""The method `multimodal`: networks of three subnets, coarse to fine, each trained in one style (Wang et al.,
CVPR 2017); the network itself is `networks.multimodal_net`.
"""

from __future__ import annotations

from torch import Tensor

from ..maths.tiling import Footprint
from ..networks.multimodal_net import GRID, LEAST, MultimodalNet
from ..networks.residency import last_layers
from ..networks.transform_net import Normalise
from ..store.files import Net, WeightsError
from ..store.nets import few, installed, refuse_damaged
from .loading import Loader
from .method import FoundStyle, Steps
from .picture_method import Painting, PictureMethod


class Multimodal(PictureMethod):
    """Paints in the styles of the installed networks, one each; they are loaded when first asked for."""

    def __init__(self, loader: Loader) -> None:
        super().__init__(loader)
        # a halo of 475 px of convolutions over all three subnets, and what upsampling rounds
        self.known: dict[str, Net] = {}
        """Every style with its network."""
        for net in installed("multimodal", loader.folder):
            for name in net.styles:
                self.known.setdefault(name, net)
        self.footprint = Footprint(512, 6 * 32 * self.dtype.itemsize, GRID, LEAST)

    def style(self, source: FoundStyle) -> Painting:
        """The network of a style.

        Raises:
            WeightsError: `unknown` for a style without one, with what to do about it.
        """
        if source.name not in self.known:
            refuse_damaged(source.name, "multimodal", self.loader.folder)
            raise WeightsError(
                "unknown",
                f"no multimodal network paints in the style {source.name!r}; there are some for "
                f"{few(self.known)}. Train it (`velatura train multimodal`), or use a "
                "method that takes any style, such as adain-skip",
            )
        about = self.known[source.name]
        net = self.loader.net(
            MultimodalNet, about, lambda net: last_layers((net.joint, net.enhance, net.refine))
        )
        return Painting((about.digest, source.name), net)

    def strides(self, painting: Painting) -> list[int]:
        return painting.data.strides

    def tile(self, rgb: Tensor, painting: Painting, normalise: Normalise | None) -> Steps[Tensor]:
        """What the refine subnet made."""
        return (yield from painting.data.steps(rgb, normalise))[-1]


load = Multimodal
