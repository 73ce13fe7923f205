"""The past of a room, read from its journal: sound by part number, and the files of a replay."""
