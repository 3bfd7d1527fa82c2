"""Figures: what many subjects come to, counted, and never a subject. Of small numbers nothing leaves."""
