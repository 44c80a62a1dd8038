"""Payment methods: for now the public test methods."""
