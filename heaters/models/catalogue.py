"""Embedding models worth knowing, as data: what they cost and how well they find. It loads nothing.

Recall is text to image on COCO at rank 1, in per cent, as OpenCLIP's table or the model's own page gives it; GFLOPs
are of one image and one text together. Licences are of the weights: read them before use.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A model by the name that HEATERS_MODEL takes; None is not known. `hub` is where its weights come from, if any."""

    name: str
    dimension: int
    licence: str
    gflops: float | None = None
    coco_recall: float | None = None
    image_pixels: int = 224
    hub: str = ""
    tokenizer: str = ""  # a repository of its own for the tokenizer's files; '' comes with open_clip


def _openclip(name: str, dimension: int, pixels: int, gflops: float | None, recall: float | None, licence: str,
              hub: str, tokenizer: str = "") -> Known:  # fmt: skip
    return Known(
        name=f"openclip:{name}",
        dimension=dimension,
        licence=licence,
        gflops=gflops,
        coco_recall=recall,
        image_pixels=pixels,
        hub=hub,
        tokenizer=tokenizer,
    )


MIT, APACHE, APPLE = "MIT", "Apache-2.0", "Apple (read it)"
RESEARCH = "research only"

CATALOGUE: tuple[Known, ...] = (
    Known(name="starter", dimension=512, licence="Apache-2.0", gflops=1.0),
    _openclip("ViT-B-32/laion2b_s34b_b79k", 512, 224, 14.8, 39.3, MIT, "laion/CLIP-ViT-B-32-laion2B-s34B-b79K"),
    _openclip("ViT-B-32-256/datacomp_s34b_b86k", 512, 256, 17.5, 39.9, MIT,
              "laion/CLIP-ViT-B-32-256x256-DataComp-s34B-b86K"),
    _openclip("ViT-B-16/datacomp_xl_s13b_b90k", 512, 224, 41.1, 40.2, MIT, "laion/CLIP-ViT-B-16-DataComp.XL-s13B-b90K"),
    _openclip("ViT-B-16/dfn2b", 512, 224, 41.1, 43.4, APPLE, "apple/DFN2B-CLIP-ViT-B-16"),
    _openclip("ViT-B-16-SigLIP-256/webli", 768, 256, 57.8, 48.3, APACHE, "timm/ViT-B-16-SigLIP-256",
              "timm/ViT-B-16-SigLIP"),
    _openclip("ViT-B-16-SigLIP2-256/webli", 768, 256, 58.0, 53.2, APACHE, "timm/ViT-B-16-SigLIP2-256",
              "timm/ViT-B-16-SigLIP2-256"),
    _openclip("PE-Core-B-16/meta", 1024, 224, None, 50.9, APACHE, "timm/PE-Core-B-16"),
    _openclip("ViT-L-14-quickgelu/dfn2b", 768, 224, 175.0, 48.6, APPLE, "apple/DFN2B-CLIP-ViT-L-14"),
    _openclip("PE-Core-L-14-336/meta", 1024, 336, None, 57.1, APACHE, "timm/PE-Core-L-14-336"),
    _openclip("ViT-SO400M-14-SigLIP-384/webli", 1152, 384, 723.0, 54.2, APACHE, "timm/ViT-SO400M-14-SigLIP-384",
              "timm/ViT-B-16-SigLIP"),
    _openclip("ViT-H-14-378-quickgelu/dfn5b", 1024, 378, 1054.0, 55.6, APPLE, "apple/DFN5B-CLIP-ViT-H-14-378"),
    _openclip("MobileCLIP2-S2/dfndr2b", 512, 256, None, None, RESEARCH, "timm/MobileCLIP2-S2-OpenCLIP"),
    _openclip("MobileCLIP2-S4/dfndr2b", 768, 256, None, None, RESEARCH, "timm/MobileCLIP2-S4-OpenCLIP"),
)  # fmt: skip
