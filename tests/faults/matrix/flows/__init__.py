"""The flows of the matrix, one file each or several of a kind: a file here is found by itself."""
