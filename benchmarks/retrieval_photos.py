"""Real photos with real labels out of installed Python packages, and what people would type to find them.

    gradio, scikit-image, scikit-learn      come with `make test`
    foolbox, imgaug                         used if installed (`pip install --no-deps foolbox imgaug`; only their
                                            pictures are read): 20 photos of ImageNet's classes, 40 of CIFAR's at
                                            32 × 32 pixels, a quokka

Left out: drawings, scans without a name a person would search for, and copies of the same photo.
"""

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image


@dataclass(frozen=True, slots=True, kw_only=True)
class Concept:
    """Something to look for: `name` as a label has it, other ways to say it, and the photos that show it.

    `classes` are the ImageNet classes that are this very thing; none where the classifier has no class for it.
    """

    name: str
    files: tuple[str, ...]
    paraphrases: tuple[str, ...] = ()
    classes: tuple[int, ...] = ()

    def photos(self) -> list[Image.Image]:
        """Those of its photos that are installed."""
        return [Image.open(path) for path in map(_locate, self.files) if path is not None]


def _concept(name: str, files: str, paraphrases: Sequence[str], *classes: int) -> Concept:
    return Concept(name=name, files=tuple(files.split()), paraphrases=tuple(paraphrases), classes=classes)


PHOTOS = (
    _concept("an astronaut", "skimage/data/astronaut.png",
             ["a woman in an orange space suit", "smiling crew member of NASA"]),
    _concept("a brick wall", "skimage/data/brick.png", ["masonry", "paving stones"]),
    _concept("a man with a camera", "skimage/data/camera.png",
             ["a photographer with a tripod", "someone filming outdoors"], 732, 872),
    _concept("a cat", "skimage/data/chelsea.png", ["a pet feline", "a kitten looking at you"], 281, 282, 285),
    _concept("a cup of coffee", "skimage/data/coffee.png", ["espresso", "a hot drink on a saucer"], 504, 967, 968),
    _concept("coins", "skimage/data/coins.png", ["ancient money", "old metal currency"]),
    _concept("grass", "skimage/data/grass.png", ["a lawn", "blades of turf"]),
    _concept("gravel", "skimage/data/gravel.png", ["small stones", "pebbles on the ground"]),
    _concept("galaxies", "skimage/data/hubble_deep_field.jpg",
             ["stars in outer space", "a night sky through a telescope"]),
    _concept("the moon", "skimage/data/moon.png", ["lunar craters", "surface of another planet"]),
    _concept("a motorcycle", "skimage/data/motorcycle_left.png",
             ["a red motorbike in a garage", "two-wheeled vehicle with an engine"], 665, 670),
    _concept("a printed page", "skimage/data/page.png", ["text in a book", "a document with words"]),
    _concept("a retina", "skimage/data/retina.jpg",
             ["inside of an eye", "blood vessels seen by an ophthalmologist"]),
    _concept("a rocket", "skimage/data/rocket.jpg", ["a spacecraft on the launch pad", "ready for liftoff"], 657, 744),
    _concept("a cheetah", "gradio/media_assets/images/cheetah.jpg gradio/media_assets/images/cheetah1.jpg "
             "gradio/test_data/cheetah2.jpg",
             ["the fastest land animal", "a spotted big cat", "a young spotted predator"], 293),
    _concept("a lion", "gradio/media_assets/images/lion.jpg", ["king of the jungle", "a big cat with a mane"], 291),
    _concept("the Eiffel Tower", "gradio/media_assets/images/tower.jpg",
             ["a famous landmark in Paris", "a tall iron tower at night"]),
    _concept("Groot", "gradio/media_assets/images/groot.jpeg", ["a tree-like movie character", "a face made of wood"]),
    _concept("a Chinese temple", "sklearn/datasets/images/china.jpg",
             ["a pagoda by a lake", "traditional Asian architecture"]),
    _concept("a flower", "sklearn/datasets/images/flower.jpg", ["an orange dahlia", "a blossom in a garden"]),
    _concept("a quokka", "imgaug/quokka.jpg", ["a small marsupial", "a smiling furry animal from Australia"]),
    _concept("a bull mastiff", "foolbox/data/imagenet_00_243.jpg", ["a big brown dog", "a pet on a leash"], 243),
    _concept("a folding chair", "foolbox/data/imagenet_01_559.jpg", ["red seats in rows", "empty deck chairs"], 559),
    _concept("a beaker", "foolbox/data/imagenet_02_438.jpg",
             ["a chemistry experiment", "liquid poured into laboratory glass"], 438),
    _concept("a buckeye", "foolbox/data/imagenet_03_990.jpg", ["chestnuts on a tree", "a spiky green fruit"], 990),
    _concept("a strawberry", "foolbox/data/imagenet_04_949.jpg", ["red berries", "sweet summer fruit"], 949),
    _concept("a thatched roof", "foolbox/data/imagenet_05_853.jpg",
             ["a cottage in the countryside", "an old English village house"], 853),
    _concept("a jeep", "foolbox/data/imagenet_06_609.jpg foolbox/data/imagenet_07_609.jpg",
             ["an off-road vehicle", "a car on a dirt road", "a sport utility vehicle", "driving over rocks"], 609),
    _concept("a yurt", "foolbox/data/imagenet_08_915.jpg",
             ["a round tent in the woods", "camping among the trees"], 915),
    _concept("a bottle cap", "foolbox/data/imagenet_09_455.jpg", ["lid of a beer", "a crown cork"], 455),
    _concept("a drum", "foolbox/data/imagenet_10_541.jpg",
             ["a percussion instrument", "something a drummer plays"], 541),
    _concept("a loafer", "foolbox/data/imagenet_11_630.jpg", ["a black leather shoe", "formal footwear"], 630),
    _concept("a prayer rug", "foolbox/data/imagenet_12_741.jpg",
             ["stained glass", "colourful patterned church window"], 741),
    _concept("a cannon", "foolbox/data/imagenet_13_471.jpg", ["old artillery", "a weapon from a war museum"], 471),
    _concept("a spoonbill", "foolbox/data/imagenet_14_129.jpg",
             ["birds sitting on a wire", "power lines against the sky"], 129),
    _concept("a goose", "foolbox/data/imagenet_15_99.jpg", ["waterfowl on a meadow", "three birds walking"], 99),
    _concept("a dalmatian", "foolbox/data/imagenet_16_251.jpg",
             ["a spotted dog", "a black and white puppy"], 251),
    _concept("a bald eagle", "foolbox/data/imagenet_17_22.jpg",
             ["a bird of prey in flight", "national bird of the United States"], 22),
    _concept("a leafhopper", "foolbox/data/imagenet_18_317.jpg",
             ["a striped insect on a leaf", "a small green bug"], 317),
    _concept("a dung beetle", "foolbox/data/imagenet_19_305.jpg",
             ["a black insect on the ground", "a shiny scarab"], 305),
)  # fmt: skip

_CIFAR10 = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
# Those of CIFAR-100's hundred labels that foolbox has a picture of.
_CIFAR100 = {
    0: "apple", 14: "butterfly", 15: "camel", 23: "cloud", 33: "forest", 40: "lamp", 43: "lion", 49: "mountain",
    51: "mushroom", 53: "orange", 69: "rocket", 70: "rose", 71: "sea", 72: "seal", 75: "skunk", 81: "streetcar",
    92: "tulip", 97: "wolf",
}  # fmt: skip


def thumbnails() -> list[Concept]:
    """CIFAR's pictures, 32 × 32 pixels; empty without foolbox."""
    folder = _locate("foolbox/data")
    found: dict[str, list[str]] = {}
    for path in sorted(folder.glob("cifar*.png")) if folder else []:
        family, _, label = path.stem.split("_")
        name = _CIFAR10[int(label)] if family == "cifar10" else _CIFAR100[int(label)]
        article = "an" if name[0] in "aeiou" else "a"
        found.setdefault(f"{article} {name}", []).append(f"foolbox/data/{path.name}")
    return [Concept(name=name, files=tuple(files)) for name, files in found.items()]


def photos() -> list[Concept]:
    """The concepts of which at least one photo is installed."""
    return [concept for concept in PHOTOS if concept.photos()]


def _locate(name: str) -> Path | None:
    """A file of a package, found without importing the package."""
    package, _, inner = name.partition("/")
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    path = Path(spec.submodule_search_locations[0]) / inner
    return path if path.exists() else None
