"""What an operator does with the queues from a terminal or a script: look, examine, act. The command parses for it."""
