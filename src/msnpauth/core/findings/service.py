from .section import Section

__all__ = ["SECTIONS"]

SECTIONS: tuple[Section, ...] = ()
