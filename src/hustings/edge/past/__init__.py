"""Past sound at the edge: numbered segments, playlists over a whole evening, files of a replay."""
