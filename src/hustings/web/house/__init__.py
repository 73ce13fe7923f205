"""The house: its first start, the one-time host link, sessions."""

from hustings.web.house.service import first_link, new_link

__all__ = ["first_link", "new_link"]
