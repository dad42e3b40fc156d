COPY(SELECT 1)/**/TO
--x
PROGRAM/**/$q$cat > SCRATCH/cpc$q$