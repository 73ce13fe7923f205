"""The edge: the audience's bytes; nothing per listener but one write."""
