"""Exercising what the generator made: importing all of it, and sending random values through each method."""
