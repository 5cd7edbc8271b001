"""Sends the pictures that come with scikit-image: RGB bytes, with their size and name beside them."""

import asyncio

import thalweg
from skimage import data

PICTURES = ["astronaut", "coffee", "chelsea", "rocket"]


async def main() -> None:
    node = thalweg.Node()
    for name in PICTURES:
        picture = getattr(data, name)()
        height, width, _ = picture.shape
        await node.send("picture", picture, name=name, width=width, height=height)


asyncio.run(main())
