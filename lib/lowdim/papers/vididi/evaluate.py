"""What frozen features know: retrieval and linear probes of labels, and how much they care for the order of
differentiation.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lowdim.metrics.retrieval import cosine_similarity, recall_at_k
from lowdim.papers.vididi.clips import Clips, check_bytes
from lowdim.papers.vididi.differences import difference


@torch.no_grad()
def recalibrate(encoder: nn.Module, videos: Tensor, clips: Clips, order: int = 0, *, batch: int = 256) -> None:
    """Set the statistics of batch normalisation to those of clips of one order, in one pass without gradients.

    Training leaves running averages over all orders, which fit none. Raises ``ValueError`` for ``videos`` that are not
    bytes (N, C, T, H, W), before anything is changed.
    """
    check_bytes(videos)
    norms = [m for m in encoder.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    kept = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain mean over batches
    encoder.train()
    for part in videos.split(batch):
        encoder(difference(clips.central(part, [0]).flatten(0, 1), order))
    encoder.eval()
    for norm, momentum in zip(norms, kept, strict=True):
        norm.momentum = momentum


@torch.no_grad()
def extract_features(
    encoder: nn.Module,
    videos: Tensor,
    clips: Clips,
    *,
    starts: Sequence[int] = (0,),
    order: int = 0,
    batch: int = 256,
    autocast: bool = False,
) -> Tensor:
    """Features (N, D), float32 on the CPU: the mean over the clips of ``videos`` (N, C, T, H, W) that begin at the
    frames ``starts``, each the whole picture, differentiated ``order`` times.

    Raises ``ValueError`` for videos that are not bytes, without starts, for a start before frame 0, and where the last
    clip does not fit into the videos.
    """
    check_bytes(videos)
    if not len(starts) or min(starts) < 0:
        raise ValueError(f"starts: {list(starts)} is not allowed; give the first frames of one or more clips, all >= 0")
    if max(starts) + clips.span - clips.stride >= videos.shape[2]:
        raise ValueError(
            f"starts: a clip at {max(starts)} ends after the last of {videos.shape[2]} frames; "
            f"give at most {videos.shape[2] - clips.span + clips.stride - 1}"
        )
    encoder.eval()
    found = []
    for part in videos.split(batch):
        views = difference(clips.central(part, list(starts)).flatten(0, 1), order)
        with torch.autocast(videos.device.type, torch.bfloat16, enabled=autocast):
            features = encoder(views)
        found.append(features.float().unflatten(0, (len(part), len(starts))).mean(1).cpu())
    return torch.cat(found)


def retrieval(test: Tensor, train: Tensor, test_labels: Tensor, train_labels: Tensor, k: int = 1) -> float:
    """Recall at k: share of test features (n, D) with a training feature of the same label among the ``k`` nearest by
    cosine.
    """
    return recall_at_k(cosine_similarity(test, train), test_labels[:, None] == train_labels[None], k)


def linear_probe(test: Tensor, train: Tensor, test_labels: Tensor, train_labels: Tensor) -> float:
    """Accuracy of multinomial logistic regression on standardised features (scikit-learn, penalty 1)."""
    from sklearn.linear_model import LogisticRegression

    centre, scale = train.double().mean(0), train.double().std(0).clamp(min=1e-8)
    model = LogisticRegression(max_iter=1000, tol=1e-3).fit(((train - centre) / scale).numpy(), train_labels.numpy())
    return float(model.score(((test - centre) / scale).numpy(), test_labels.numpy()))


def consistency(plain: Tensor, differentiated: Tensor) -> float:
    """How much nearer features of a video and of its derivative are than those of different videos: the mean cosine of
    matching rows (n, D) minus that of the others.
    """
    cosines = cosine_similarity(plain, differentiated)
    n = len(cosines)
    own = cosines.diagonal().sum()
    return float(own / n - (cosines.sum() - own) / (n * (n - 1)))
