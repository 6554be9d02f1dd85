"""Video encoders: any module that maps clips (B, C, T, H, W) to features (B, D) for a few lengths T."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lowdim.compat import import_torchvision

VIDEO_NETS = ("r3d_18", "mc3_18", "r2plus1d_18", "s3d")


class SmallR3D(nn.Sequential):
    """Three-dimensional convolutions with batch normalisation and rectifiers, then the mean over space and time.

    The first halves the pictures, the others also the time. Clips (B, 3, T, H, W), T at least 2, to (B, channels[-1]).
    """

    def __init__(self, channels: Sequence[int] = (16, 32, 64)) -> None:
        layers: list[nn.Module] = []
        for before, after in zip((3, *channels), channels, strict=False):
            stride = (2, 2, 2) if layers else (1, 2, 2)
            layers += [nn.Conv3d(before, after, 3, stride, 1, bias=False), nn.BatchNorm3d(after), nn.ReLU()]
        super().__init__(*layers, nn.AdaptiveAvgPool3d(1), nn.Flatten())
        self.outputs = channels[-1]


def video_net(name: str = "r3d_18") -> nn.Module:
    """An untrained video network of torchvision without its classifier, (B, 3, T, H, W) to (B, ``outputs``).

    Its weights keep torchvision's names, so that other scripts can load them. Raises ``ValueError`` for an unknown
    name, ``ImportError`` where torchvision is missing.
    """
    if name not in VIDEO_NETS:
        raise ValueError(f"name: {name!r} is unknown; choose one of {', '.join(VIDEO_NETS)}")
    if import_torchvision() is None:
        raise ImportError("torchvision holds the video networks; install it with: pip install 'lowdim[imaging]'")
    from torchvision.models import video

    net = getattr(video, name)(weights=None)
    if name == "s3d":  # its pooling has a fixed size, and its classifier is a convolution
        net.outputs = net.classifier[1].in_channels
        net.avgpool, net.classifier = nn.AdaptiveAvgPool3d(1), nn.Identity()
    else:
        net.outputs = net.fc.in_features
        net.fc = nn.Identity()
    return net


class RepeatLast(nn.Module):
    """Lengthens clips to ``frames`` by repeating their last frame, for encoders that take one length only."""

    def __init__(self, encoder: nn.Module, frames: int) -> None:
        super().__init__()
        self.encoder, self.frames = encoder, frames

    def forward(self, clips: Tensor) -> Tensor:
        """Clips (B, C, T, H, W) of at most ``frames`` frames to features."""
        missing = self.frames - clips.shape[2]
        if missing < 0:
            raise ValueError(f"clips: {clips.shape[2]} frames; at most {self.frames} are allowed")
        return self.encoder(torch.cat([clips, clips[:, :, -1:].expand(-1, -1, missing, -1, -1)], 2))
