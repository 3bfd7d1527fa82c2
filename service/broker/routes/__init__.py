"""The broker's routes: from HTTP to the slices and back, one transaction each."""
