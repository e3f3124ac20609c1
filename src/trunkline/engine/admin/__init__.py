"""What administrators ask for: a book for each kind of object, which checks what is sent and shows what is there."""
