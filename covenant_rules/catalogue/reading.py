"""CR1xx: the document cannot be read as what it shows."""

from __future__ import annotations

from covenant_rules.catalogue.entry import CodeEntry

READING = (
    CodeEntry(
        "CR101",
        "the document is not YAML",
        "A covenant is written in YAML: keys and values, with indentation for what belongs together. Most often a text "
        "with a colon in it stands without quotes, a tab stands where spaces should, or a bracket is not closed. "
        "Nothing after this place was read.",
        "title: Complex approach: Vogelplein\n",
        'title: "Complex approach: Vogelplein"\n',
    ),
    CodeEntry(
        "CR102",
        "the document is not UTF-8",
        "The version of a covenant is the hash of its bytes, so the bytes must mean the same everywhere. Choose UTF-8 "
        "when saving.",
    ),
    CodeEntry(
        "CR103",
        "the document is too large",
        "A covenant of hundreds of rules has less than a tenth of what is allowed. What is larger is not read at all.",
    ),
    CodeEntry(
        "CR104",
        "an invisible character",
        "Two administrators sign what they read. A character that does not show, or that turns the direction of the "
        "text around, can make the page say one thing and the bytes another. Such characters often come along when "
        "text is pasted from a word processor.",
        'area: "Vogel\u200bplein"\n',
        'area: "Vogelplein"\n',
    ),
    CodeEntry(
        "CR105",
        "an anchor or alias",
        "YAML can name a part (`&name`) and repeat it elsewhere (`*name`). Then a line no longer says what it says, "
        "and a few of them can make a small file unfold into gigabytes. Write things out where they are meant.",
        "title: &name Complex approach\narea: *name\n",
        "title: Complex approach\narea: Vogelplein\n",
    ),
    CodeEntry(
        "CR106",
        "a tag",
        "A word that starts with `!` tells a reader of YAML to make something else of what follows. The language has "
        "no use for it. A text that is to start with `!` stands between quotes.",
        "title: !approach Vogelplein\n",
        "title: Approach Vogelplein\n",
    ),
    CodeEntry(
        "CR107",
        "a merge key",
        "`<<` copies keys from elsewhere, unseen, and readers of YAML disagree on which copy wins.",
        "statistics: {<<: {minimum_cell: 10}}\n",
        "statistics: {minimum_cell: 10}\n",
    ),
    CodeEntry(
        "CR108",
        "a key stands twice",
        "Most readers of YAML silently keep the last of the two. Whoever signed after reading the first would have "
        "signed something else.",
        "statistics: {minimum_cell: 10, minimum_cell: 5}\n",
        "statistics: {minimum_cell: 10}\n",
    ),
    CodeEntry(
        "CR109",
        "lists and mappings inside each other, too deep",
        "No part of a covenant lies deeper than six levels. Deeper documents are made to exhaust the program that "
        "reads them.",
        "area: [[[[[[[[[[[[[Vogelplein]]]]]]]]]]]]]\n",
        "area: Vogelplein\n",
    ),
    CodeEntry(
        "CR110",
        "a second document",
        "A line with `---` starts another document in the same file. Programs disagree on which of them counts.",
        "title: Complex approach\n---\ntitle: Another approach\n",
        "title: Complex approach\n",
    ),
    CodeEntry(
        "CR111",
        "no sections",
        "The document is empty, or is a list or a word instead of sections such as `title:` and `rules:`.",
        "# a comment and nothing else\n",
        "title: Complex approach\n",
    ),
    CodeEntry(
        "CR112",
        "a directive",
        "A line that starts with `%` before the document changes how it is read.",
        "%YAML 1.1\n---\n",
        "title: Complex approach\n",
    ),
    CodeEntry(
        "CR113",
        "a key that is not a word",
        "YAML allows a list or a mapping as a key. The language has no such keys.",
        "quotas: {tokens: {[police]: 5000}}\n",
        "quotas: {tokens: {police: 5000}}\n",
    ),
    CodeEntry(
        "CR199",
        "more problems than are listed",
        "After two hundred problems the rest is only counted.",
    ),
)
