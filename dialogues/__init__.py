"""What a dialogue is: record formats, containers, and batches of dialogues as columns."""
