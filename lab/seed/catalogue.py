"""The products of the seeded shop: tea, coffee, and equipment for both.

The seed owns the products whose sku is in this list. It never changes another product.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final


@dataclass(frozen=True, slots=True)
class Product:
    """One product: its price in the shop's currency, and its stock before the first order.

    If a product has twice the popularity, it is in about twice as many orders.
    """

    sku: str
    name: str
    price: Decimal
    opening_stock: int
    popularity: int


# For each shelf: its sku prefix, the popularity of its products, the stock of the first product,
# and then the products.
_SHELVES = (
    (
        ("TEA", 6, 260),
        ("ASSAM-100", "Assam Mangalam second flush, 100 g", "8.90"),
        ("DARJEELING-100", "Darjeeling first flush, 100 g", "14.50"),
        ("EARL-GREY-100", "Earl Grey with bergamot oil, 100 g", "6.90"),
        ("BREAKFAST-250", "English breakfast blend, 250 g", "11.90"),
        ("CEYLON-100", "Ceylon Uva Highlands, 100 g", "7.40"),
        ("SENCHA-100", "Sencha Kagoshima, 100 g", "12.80"),
        ("GENMAICHA-100", "Genmaicha with roasted rice, 100 g", "8.20"),
        ("MATCHA-30", "Matcha, ceremonial grade, 30 g", "24.00"),
        ("JASMINE-100", "Jasmine pearls, 100 g", "13.60"),
        ("OOLONG-100", "Oolong Tie Guan Yin, 100 g", "15.90"),
        ("PU-ERH-100", "Pu-erh, ripe, 100 g", "10.40"),
        ("LAPSANG-100", "Lapsang Souchong, smoked, 100 g", "9.80"),
        ("CHAI-150", "Masala chai, 150 g", "7.90"),
        ("ROOIBOS-200", "Rooibos, pure, 200 g", "6.40"),
        ("MINT-50", "Peppermint leaves, 50 g", "3.90"),
        ("CHAMOMILE-50", "Chamomile flowers, 50 g", "4.20"),
    ),
    (
        ("COFFEE", 8, 300),
        ("ESPRESSO-250", "House espresso, whole beans, 250 g", "8.50"),
        ("ESPRESSO-1000", "House espresso, whole beans, 1 kg", "29.00"),
        ("YIRGACHEFFE-250", "Ethiopia Yirgacheffe, washed, 250 g", "12.50"),
        ("HUILA-250", "Colombia Huila, 250 g", "11.20"),
        ("ANTIGUA-250", "Guatemala Antigua, 250 g", "10.90"),
        ("KENYA-AA-250", "Kenya AA Nyeri, 250 g", "13.90"),
        ("SUMATRA-250", "Sumatra Mandheling, 250 g", "11.60"),
        ("DECAF-250", "Decaf, Swiss water process, 250 g", "10.40"),
    ),
    (
        ("KETTLE", 2, 90),
        ("STEEL-1000", "Stovetop kettle, stainless steel, 1 l", "24.90"),
        ("GOOSENECK-800", "Gooseneck kettle with thermometer, 0.8 l", "59.00"),
        ("ELECTRIC-1700", "Electric kettle with temperature control, 1.7 l", "74.90"),
        ("TETSUBIN-600", "Cast-iron tetsubin, 0.6 l", "89.00"),
    ),
    (
        ("POT", 3, 120),
        ("GLASS-1000", "Glass teapot with strainer, 1 l", "21.50"),
        ("PORCELAIN-800", "Porcelain teapot, white, 0.8 l", "34.00"),
        ("KYUSU-300", "Kyusu, side handle, 0.3 l", "42.00"),
        ("GAIWAN-120", "Gaiwan, 120 ml", "18.50"),
        ("FRENCH-PRESS-1000", "French press, 1 l", "29.90"),
        ("MOKA-3", "Moka pot for three cups", "26.50"),
        ("DRIPPER-02", "Ceramic dripper, size 02", "19.90"),
        ("CARAFE-600", "Coffee carafe with glass handle, 0.6 l", "27.00"),
    ),
    (
        ("CUP", 4, 180),
        ("ESPRESSO-2", "Espresso cups, set of two", "16.00"),
        ("MUG-350", "Stoneware mug, speckled, 0.35 l", "14.90"),
        ("GLASS-2", "Double-walled glasses, set of two", "19.50"),
        ("TRAVEL-400", "Travel mug, vacuum insulated, 0.4 l", "27.90"),
        ("YUNOMI-180", "Yunomi, 180 ml", "15.50"),
    ),
    (
        ("TOOL", 4, 200),
        ("FILTER-100", "Paper filters, size 02, 100 pieces", "5.90"),
        ("INFUSER", "Tea infuser, fine mesh", "9.50"),
        ("WHISK-100", "Bamboo whisk with 100 prongs", "17.90"),
        ("GRINDER", "Hand grinder, steel burrs", "68.00"),
        ("SCALE-2000", "Coffee scale with timer, to 2 kg", "39.00"),
        ("CADDY-250", "Tea caddy, tinplate, for 250 g", "8.90"),
    ),
)


def _products() -> Iterator[Product]:
    for (shelf, popularity, stock), *rows in _SHELVES:
        for position, (code, name, price) in enumerate(rows):
            # The stock differs between products, as in a real shop.
            opening = stock * (100 - position * 37 % 40) // 100
            yield Product(f"RT-{shelf}-{code}", name, Decimal(price), opening, popularity)


CATALOGUE: Final = tuple(_products())
"""All products, in the order in which the shop lists them."""
