"""The tests of the example project, which have settings of their own; tests/test_example_project.py runs them."""
