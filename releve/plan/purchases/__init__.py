"""What is missing: the cheapest laptops, skills and seats that make every curable cell hold."""
