"""Tables in Markdown."""


def table(columns, rows):
    """Columns are titles; those that begin with > are numbers, to be aligned at the right."""
    titles = [c.removeprefix(">") for c in columns]
    rules = ["---:" if c.startswith(">") else "---" for c in columns]
    return [line(titles), "|" + "|".join(rules) + "|", *(line(map(str, row)) for row in rows), ""]


def line(cells):
    return "| " + " | ".join(cells) + " |"


def percent(share):
    return "" if share is None else f"{100 * share:.0f} %"


def checked(text, kept):
    """A figure that has a target: bold where it misses it."""
    return text if kept else f"**{text}**"
