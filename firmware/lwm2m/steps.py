"""Paths one after the other, each as what tells it from the one before: for short records."""


def steps(paths):
    """Yield each path as what tells it from the one before: another instance (0 …), another
    resource (-1 - id), or all of it.
    """
    before: tuple = ()
    for path in paths:
        if len(path) == len(before) == 3 and path[0] == before[0] and path[2] == before[2]:
            yield path[1]
        elif len(path) == len(before) == 3 and path[:2] == before[:2]:
            yield -1 - path[2]
        else:
            yield list(path)
        before = path


def followed(found, before: tuple = ()):
    """Yield the paths that `steps` made its list of."""
    for step in found:
        if step.__class__ is list:
            before = tuple(step)
        elif step < 0:
            before = (before[0], before[1], -1 - step)
        else:
            before = (before[0], step, before[2])
        yield before
