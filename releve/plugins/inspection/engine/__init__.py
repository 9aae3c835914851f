"""What inspections compute: who is tested, what draws find, a day of draws, sheets and OSCAL of audits.

The draw itself is :mod:`releve.situation.draw_chains`, since a draw on record is judged by it;
``releve/plugins/inspection/verify_draw.py`` computes one again with the standard library alone.
"""
