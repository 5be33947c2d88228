"""Melodies in the public domain, written out for this project: notes as PITCH:QUARTERS.

C4 is MIDI's note 60. All are in C major or, Arirang, pentatonic on C. A bar line `|` is for readers alone.
"""

MELODIES = {
    # Beethoven, Ninth Symphony, fourth movement (1824).
    "ode-to-joy": """
        E4:1 E4:1 F4:1 G4:1 | G4:1 F4:1 E4:1 D4:1 | C4:1 C4:1 D4:1 E4:1 | E4:1.5 D4:0.5 D4:2 |
        E4:1 E4:1 F4:1 G4:1 | G4:1 F4:1 E4:1 D4:1 | C4:1 C4:1 D4:1 E4:1 | D4:1.5 C4:0.5 C4:2 |
        D4:1 D4:1 E4:1 C4:1 | D4:1 E4:0.5 F4:0.5 E4:1 C4:1 | D4:1 E4:0.5 F4:0.5 E4:1 D4:1 | C4:1 D4:1 G3:2 |
        E4:1 E4:1 F4:1 G4:1 | G4:1 F4:1 E4:1 D4:1 | C4:1 C4:1 D4:1 E4:1 | D4:1.5 C4:0.5 C4:2""",
    # "Ah! vous dirai-je, maman", French, before 1761.
    "twinkle": """
        C4:1 C4:1 G4:1 G4:1 | A4:1 A4:1 G4:2 | F4:1 F4:1 E4:1 E4:1 | D4:1 D4:1 C4:2 |
        G4:1 G4:1 F4:1 F4:1 | E4:1 E4:1 D4:2 | G4:1 G4:1 F4:1 F4:1 | E4:1 E4:1 D4:2 |
        C4:1 C4:1 G4:1 G4:1 | A4:1 A4:1 G4:2 | F4:1 F4:1 E4:1 E4:1 | D4:1 D4:1 C4:2""",
    # French, before 1811.
    "frere-jacques": """
        C4:1 D4:1 E4:1 C4:1 | C4:1 D4:1 E4:1 C4:1 | E4:1 F4:1 G4:2 | E4:1 F4:1 G4:2 |
        G4:0.5 A4:0.5 G4:0.5 F4:0.5 E4:1 C4:1 | G4:0.5 A4:0.5 G4:0.5 F4:0.5 E4:1 C4:1 |
        C4:1 G3:1 C4:2 | C4:1 G3:1 C4:2""",
    # Lowell Mason (1831).
    "mary": """
        E4:1 D4:1 C4:1 D4:1 | E4:1 E4:1 E4:2 | D4:1 D4:1 D4:2 | E4:1 G4:1 G4:2 |
        E4:1 D4:1 C4:1 D4:1 | E4:1 E4:1 E4:1 E4:1 | D4:1 D4:1 E4:1 D4:1 | C4:4""",
    # James Lord Pierpont (1857), refrain.
    "jingle-bells": """
        E4:1 E4:1 E4:2 | E4:1 E4:1 E4:2 | E4:1 G4:1 C4:1.5 D4:0.5 | E4:4 |
        F4:1 F4:1 F4:1.5 F4:0.5 | F4:1 E4:1 E4:1 E4:0.5 E4:0.5 | E4:1 D4:1 D4:1 E4:1 | D4:2 G4:2 |
        E4:1 E4:1 E4:2 | E4:1 E4:1 E4:2 | E4:1 G4:1 C4:1.5 D4:0.5 | E4:4 |
        F4:1 F4:1 F4:1.5 F4:0.5 | F4:1 E4:1 E4:1 E4:0.5 E4:0.5 | G4:1 G4:1 F4:1 D4:1 | C4:4""",
    # English, before 1744.
    "london-bridge": """
        G4:1.5 A4:0.5 G4:1 F4:1 | E4:1 F4:1 G4:2 | D4:1 E4:1 F4:2 | E4:1 F4:1 G4:2 |
        G4:1.5 A4:0.5 G4:1 F4:1 | E4:1 F4:1 G4:2 | D4:2 G4:2 | E4:1 C4:3""",
    # Korean, handed down; the refrain of Arirang as it is commonly written.
    "arirang": """
        G3:1.5 A3:0.5 G3:0.5 A3:0.5 | C4:1.5 D4:0.5 C4:0.5 D4:0.5 | E4:1 D4:0.5 E4:0.5 C4:0.5 A3:0.5 | G3:1.5 A3:0.5 G3:0.5 A3:0.5 |
        C4:1.5 D4:0.5 C4:0.5 D4:0.5 | E4:0.5 D4:0.5 C4:0.5 A3:0.5 G3:0.5 A3:0.5 | C4:1.5 D4:0.5 C4:1 | C4:3""",
    # German ("Hänschen klein", Franz Wiedemann, before 1860), on an older tune.
    "haenschen-klein": """
        G4:1 E4:1 E4:2 | F4:1 D4:1 D4:2 | C4:1 D4:1 E4:1 F4:1 | G4:1 G4:1 G4:2 |
        G4:1 E4:1 E4:2 | F4:1 D4:1 D4:2 | C4:1 E4:1 G4:1 G4:1 | C4:4 |
        D4:1 D4:1 D4:1 D4:1 | D4:1 E4:1 F4:2 | E4:1 E4:1 E4:1 E4:1 | E4:1 F4:1 G4:2 |
        G4:1 E4:1 E4:2 | F4:1 D4:1 D4:2 | C4:1 E4:1 G4:1 G4:1 | C4:4""",
}
# The last token of each melody.
FINE = "fine"


def notes(melody):
    """Tokens of a melody, with FINE behind."""
    return [token for token in MELODIES[melody].split() if token != "|"] + [FINE]
