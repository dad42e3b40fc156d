#define rand	pan_rand
#define pthread_equal(a,b)	((a)==(b))
#if defined(HAS_CODE) && defined(VERBOSE)
	#ifdef BFS_PAR
		bfs_printf("Pr: %d Tr: %d\n", II, t->forw);
	#else
		cpu_printf("Pr: %d Tr: %d\n", II, t->forw);
	#endif
#endif
	switch (t->forw) {
	default: Uerror("bad forward move");
	case 0:	/* if without executable clauses */
		continue;
	case 1: /* generic 'goto' or 'skip' */
		IfNotBlocked
		_m = 3; goto P999;
	case 2: /* generic 'else' */
		IfNotBlocked
		if (trpt->o_pm&1) continue;
		_m = 3; goto P999;

		 /* PROC :init: */
	case 3: // STATE 1 - requests.pml:361 - [boot = 1] (0:0:1 - 1)
		IfNotBlocked
		reached[2][1] = 1;
		(trpt+1)->bup.oval = ((int)now.boot);
		now.boot = 1;
#ifdef VAR_RANGES
		logval("boot", ((int)now.boot));
#endif
		;
		_m = 3; goto P999; /* 0 */
	case 4: // STATE 2 - requests.pml:361 - [(run Broker())] (0:0:0 - 1)
		IfNotBlocked
		reached[2][2] = 1;
		if (!(addproc(II, 1, 1, 0)))
			continue;
		_m = 3; goto P999; /* 0 */
	case 5: // STATE 3 - requests.pml:361 - [(run Worker(0))] (0:0:0 - 1)
		IfNotBlocked
		reached[2][3] = 1;
		if (!(addproc(II, 1, 0, 0)))
			continue;
		_m = 3; goto P999; /* 0 */
	case 6: // STATE 4 - requests.pml:361 - [(run Worker(1))] (0:0:0 - 1)
		IfNotBlocked
		reached[2][4] = 1;
		if (!(addproc(II, 1, 0, 1)))
			continue;
		_m = 3; goto P999; /* 0 */
	case 7: // STATE 6 - requests.pml:361 - [-end-] (0:0:0 - 1)
		IfNotBlocked
		reached[2][6] = 1;
		if (!delproc(1, II)) continue;
		_m = 3; goto P999; /* 0 */

		 /* PROC Broker */
	case 8: // STATE 1 - requests.pml:232 - [(((awaited!=0)&&timeout))] (0:0:0 - 1)
		IfNotBlocked
		reached[1][1] = 1;
		if (!(((((int)now.awaited)!=0)&&((trpt->tau)&1))))
			continue;
		_m = 1; goto P999; /* 0 */
	case 9: // STATE 21 - requests.pml:186 - [D_STEP186]
		IfNotBlocked

		reached[1][21] = 1;
		reached[1][t->st] = 1;
		reached[1][tt] = 1;

		if (TstOnly) return 1;

		sv_save();
		S_140_0: /* 2 */
		((P1 *)_this)->i = 0;
#ifdef VAR_RANGES
		logval("Broker:i", ((int)((P1 *)_this)->i));
#endif
		;
S_156_0: /* 2 */
S_155_0: /* 2 */
S_141_0: /* 2 */
		if (!((((int)((P1 *)_this)->i)<3)))
			goto S_155_1;
S_150_0: /* 2 */
S_142_0: /* 2 */
		if (!(((((int)now.holder[ Index(((int)((P1 *)_this)->i), 3) ])==0)&&((now.state[ Index(((int)((P1 *)_this)->i), 3) ]==9)||(now.state[ Index(((int)((P1 *)_this)->i), 3) ]==8)))))
			goto S_150_1;
S_143_0: /* 2 */
		now.holder[ Index(((P1 *)_this)->i, 3) ] = 9;
#ifdef VAR_RANGES
		logval("holder[Broker:i]", ((int)now.holder[ Index(((int)((P1 *)_this)->i), 3) ]));
#endif
		;
		goto S_151_0;
S_150_1: /* 3 */
S_144_0: /* 2 */
		if (!(((((int)now.holder[ Index(((int)((P1 *)_this)->i), 3) ])==0)&&(now.state[ Index(((int)((P1 *)_this)->i), 3) ]==7))))
			goto S_150_2;
S_148_0: /* 2 */
S_145_0: /* 2 */
		now.state[ Index(((P1 *)_this)->i, 3) ] = 4;
#ifdef VAR_RANGES
		logval("state[Broker:i]", now.state[ Index(((int)((P1 *)_this)->i), 3) ]);
#endif
		;
S_146_0: /* 2 */
		now.counts_on[ Index(((P1 *)_this)->i, 3) ] = 0;
#ifdef VAR_RANGES
		logval("counts_on[Broker:i]", ((int)now.counts_on[ Index(((int)((P1 *)_this)->i), 3) ]));
#endif
		;
S_147_0: /* 2 */
		now.once_left[ Index(((P1 *)_this)->i, 3) ] = 0;
#ifdef VAR_RANGES
		logval("once_left[Broker:i]", ((int)now.once_left[ Index(((int)((P1 *)_this)->i), 3) ]));
#endif
		;
		goto S_151_0;
		goto S_151_0;
S_150_2: /* 3 */
S_149_0: /* 2 */
		/* else */;
		goto S_151_0;
S_150_3: /* 3 */
		Uerror("blocking sel in d_step (nr.0, near line 190)");
S_151_0: /* 2 */
S_152_0: /* 2 */
		((P1 *)_this)->i = (((int)((P1 *)_this)->i)+1);
#ifdef VAR_RANGES
		logval("Broker:i", ((int)((P1 *)_this)->i));
#endif
		;
		goto S_156_0; /* ';' */
S_155_1: /* 3 */
S_153_0: /* 2 */
		/* else */;
S_154_0: /* 2 */
		goto S_157_0;	/* 'goto' */
S_155_2: /* 3 */
		Uerror("blocking sel in d_step (nr.1, near line 188)");
S_157_0: /* 2 */
		goto S_158_0;	/* 'break' */
S_158_0: /* 2 */
		((P1 *)_this)->i = 0;
#ifdef VAR_RANGES
		logval("Broker:i", ((int)((P1 *)_this)->i));
#endif
		;
		goto S_181_0;
S_181_0: /* 1 */

#if defined(C_States) && (HAS_TRACK==1)
		c_update((uchar *) &(now.c_state[0]));
#endif
		_m = 3; goto P999;

	case 10: // STATE 42 - requests.pml:186 - [D_STEP186]
		IfNotBlocked

		reached[1][42] = 1;
		reached[1][t->st] = 1;
		reached[1][tt] = 1;

		if (TstOnly) return 1;

		sv_save();
		S_161_0: /* 2 */
		((P1 *)_this)->i = 0;
#ifdef VAR_RANGES
		logval("Broker:i", ((int)((P1 *)_this)->i));
#endif
		;
S_177_0: /* 2 */
S_176_0: /* 2 */
S_162_0: /* 2 */
		if (!((((int)((P1 *)_this)->i)<3)))
			goto S_176_1;
S_171_0: /* 2 */
S_163_0: /* 2 */
		if (!(((((int)now.holder[ Index(((int)((P1 *)_this)->i), 3) ])==1)&&((now.state[ Index(((int)((P1 *)_this)->i), 3) ]==9)||(now.state[ Index(((int)((P1 *)_this)->i), 3) ]==8)))))
			goto S_171_1;
S_164_0: /* 2 */
		now.holder[ Index(((P1 *)_this)->i, 3) ] = 9;
#ifdef VAR_RANGES
		logval("holder[Broker:i]", ((int)now.holder[ Index(((int)((P1 *)_this)->i), 3) ]));
#endif
		;
		goto S_172_0;
S_171_1: /* 3 */
S_165_0: /* 2 */
		if (!(((((int)now.holder[ Index(((int)((P1 *)_this)->i), 3) ])==1)&&(now.state[ Index(((int)((P1 *)_this)->i), 3) ]==7))))
			goto S_171_2;
S_169_0: /* 2 */
S_166_0: /* 2 */
		now.state[ Index(((P1 *)_this)->i, 3) ] = 4;
#ifdef VAR_RANGES
		logval("state[Broker:i]", now.state[ Index(((int)((P1 *)_this)->i), 3) ]);
#endif
		;
S_167_0: /* 2 */
		now.counts_on[ Index(((P1 *)_this)->i, 3) ] = 0;
#ifdef VAR_RANGES
		logval("counts_on[Broker:i]", ((int)now.counts_on[ Index(((int)((P1 *)_this)->i), 3) ]));
#endif
		;
S_168_0: /* 2 */
		now.once_left[ Index(((P1 *)_this)->i, 3) ] = 0;
#ifdef VAR_RANGES
		logval("once_left[Broker:i]", ((int)now.once_left[ Index(((int)((P1 *)_this)->i), 3) ]));
#endif
		;
		goto S_172_0;
		goto S_172_0;
S_171_2: /* 3 */
S_170_0: /* 2 */
		/* else */;
		goto S_172_0;
S_171_3: /* 3 */
		Uerror("blocking sel in d_step (nr.2, near line 190)");
S_172_0: /* 2 */
S_173_0: /* 2 */
		((P1 *)_this)->i = (((int)((P1 *)_this)->i)+1);
#ifdef VAR_RANGES
		logval("Broker:i", ((int)((P1 *)_this)->i));
#endif
		;
		goto S_177_0; /* ';' */
S_176_1: /* 3 */
S_174_0: /* 2 */
		/* else */;
S_175_0: /* 2 */
		goto S_178_0;	/* 'goto' */
S_176_2: /* 3 */
		Uerror("blocking sel in d_step (nr.3, near line 188)");
S_178_0: /* 2 */
		goto S_179_0;	/* 'break' */
S_179_0: /* 2 */
		((P1 *)_this)->i = 0;
#ifdef VAR_RANGES
		logval("Broker:i", ((int)((P1 *)_this)->i));
#endif
		;
		goto S_182_0;
S_182_0: /* 1 */

#if defined(C_States) && (HAS_TRACK==1)
		c_update((uchar *) &(now.c_state[0]));
#endif
		_m = 3; goto P999;

	case 11: // STATE 44 - requests.pml:232 - [awaited = 0] (0:0:1 - 1)
		IfNotBlocked
		reached[1][44] = 1;
		(trpt+1)->bup.oval = ((int)now.awaited);
		now.awaited = 0;
#ifdef VAR_RANGES
		logval("awaited", ((int)now.awaited));
#endif
		;
		_m = 3; goto P999; /* 0 */
	case 12: // STATE 45 - requests.pml:233 - [(gone[0])] (0:0:0 - 1)
		IfNotBlocked
		reached[1][45] = 1;
		if (!(((int)now.gone[0])))
			continue;
		_m = 3; goto P999; /* 0 */
	case 13: // STATE 65 - requests.pml:186 - [D_STEP186]
		IfNotBlocked

		reached[1][65] = 1;
		reached[1][t->st] = 1;
		reached[1][tt] = 1;

		if (TstOnly) return 1;

		sv_save();
		S_184_0: /* 2 */
		((P1 *)_this)->i = 0;
#ifdef VAR_RANGES
		logval("Broker:i", ((int)((P1 *)_this)->i));
#endif
		;
S_200_0: /* 2 */
S_199_0: /* 2 */
S_185_0: /* 2 */
		if (!((((int)((P1 *)_this)->i)<3)))
			goto S_199_1;
S_194_0: /* 2 */
S_186_0: /* 2 */
		if (!(((((int)now.holder[ Index(((int)((P1 *)_this)->i), 3) ])==0)&&((now.state[ Index(((int)((P1 *)_this)->i), 3) ]==9)||(now.state[ Index(((int)((P1 *)_this)->i), 3) ]==8)))))
			goto S_194_1;
S_187_0: /* 2 */
		now.holder[ Index(((P1 *)_this)->i, 3) ] = 9;
#ifdef VAR_RANGES
		logval("holder[Broker:i]", ((int)now.holder[ Index(((int)((P1 *)_this)->i), 3) ]));
#endif
		;
		goto S_195_0;
S_194_1: /* 3 */
S_188_0: /* 2 */
		if (!(((((int)now.holder[ Index(((int)((P1 *)_this)->i), 3) ])==0)&&(now.state[ Index(((int)((P1 *)_this)->i), 3) ]==7))))
			goto S_194_2;
S_192_0: /* 2 */
S_189_0: /* 2 */
		now.state[ Index(((P1 *)_this)->i, 3) ] = 4;
#ifdef VAR_RANGES
		logval("state[Broker:i]", now.state[ Index(((int)((P1 *)_this)->i), 3) ]);
#endif
		;
S_190_0: /* 2 */
		now.counts_on[ Index(((P1 *)_this)->i, 3) ] = 0;
#ifdef VAR_RANGES
		logval("counts_on[Broker:i]", ((int)now.counts_on[ Index(((int)((P1 *)_this)->i), 3) ]));
#endif
		;
S_191_0: /* 2 */
		now.once_left[ Index(((P1 *)_this)->i, 3) ] = 0;
#ifdef VAR_RANGES
		logval("once_left[Broker:i]", ((int)now.once_left[ Index(((int)((P1 *)_this)->i), 3) ]));
#endif
		;
		goto S_195_0;
		goto S_195_0;
S_194_2: /* 3 */
S_193_0: /* 2 */
		/* else */;
		goto S_195_0;
S_194_3: /* 3 */
		Uerror("blocking sel in d_step (nr.4, near line 190)");
S_195_0: /* 2 */
S_196_0: /* 2 */
		((P1 *)_this)->i = (((int)((P1 *)_this)->i)+1);
#ifdef VAR_RANGES
		logval("Broker:i", ((int)((P1 *)_this)->i));
#endif
		;
		goto S_200_0; /* ';' */
S_199_1: /* 3 */
S_197_0: /* 2 */
		/* else */;
S_198_0: /* 2 */
		goto S_201_0;	/* 'goto' */
S_199_2: /* 3 */
		Uerror("blocking sel in d_step (nr.5, near line 188)");
S_201_0: /* 2 */
		goto S_202_0;	/* 'break' */
S_202_0: /* 2 */
		((P1 *)_this)->i = 0;
#ifdef VAR_RANGES
		logval("Broker:i", ((int)((P1 *)_this)->i));
#endif
		;
		goto S_205_0;
S_205_0: /* 1 */

#if defined(C_States) && (HAS_TRACK==1)
		c_update((uchar *) &(now.c_state[0]));
#endif
		_m = 3; goto P999;

	case 14: // STATE 67 - requests.pml:233 - [gone[0] = 0] (0:0:1 - 1)
		IfNotBlocked
		reached[1][67] = 1;
		(trpt+1)->bup.oval = ((int)now.gone[0]);
		now.gone[0] = 0;
#ifdef VAR_RANGES
		logval("gone[0]", ((int)now.gone[0]));
#endif
		;
		_m = 3; goto P999; /* 0 */
	case 15: // STATE 68 - requests.pml:234 - [(gone[1])] (0:0:0 - 1)
		IfNotBlocked
		reached[1][68] = 1;
		if (!(((int)now.gone[1])))
			continue;
		_m = 3; goto P999; /* 0 */
	case 16: // STATE 88 - requests.pml:186 - [D_STEP186]
		IfNotBlocked

		reached[1][88] = 1;
		reached[1][t->st] = 1;
		reached[1][tt] = 1;

		if (TstOnly) return 1;

		sv_save();
		S_207_0: /* 2 */
		((P1 *)_this)->i = 0;
#ifdef VAR_RANGES
		logval("Broker:i", ((int)((P1 *)_this)->i));
#endif
		;
S_223_0: /* 2 */
S_222_0: /* 2 */
S_208_0: /* 2 */
		if (!((((int)((P1 *)_this)->i)<3)))
			goto S_222_1;
S_217_0: /* 2 */
S_209_0: /* 2 */
		if (!(((((int)now.holder[ Index(((int)((P1 *)_this)->i), 3) ])==1)&&((now.state[ Index(((int)((P1 *)_this)->i), 3) ]==9)||(now.state[ Index(((int)((P1 *)_this)->i), 3) ]==8)))))
			goto S_217_1;
S_210_0: /* 2 */
		now.holder[ Index(((P1 *)_this)->i, 3) ] = 9;
#ifdef VAR_RANGES
		logval("holder[Broker:i]", ((int)now.holder[ Index(((int)((P1 *)_this)->i), 3) ]));
#endif
		;
		goto S_218_0;
S_217_1: /* 3 */
S_211_0: /* 2 */
		if (!(((((int)now.holder[ Index(((int)((P1 *)_this)->i), 3) ])==1)&&(now.state[ Index(((int)((P1 *)_this)->i), 3) ]==7))))
			goto S_217_2;
S_215_0: /* 2 */
S_212_0: /* 2 */
		now.state[ Index(((P1 *)_this)->i, 3) ] = 4;
#ifdef VAR_RANGES
		logval("state[Broker:i]", now.state[ Index(((int)((P1 *)_this)->i), 3) ]);
#endif
		;
S_213_0: /* 2 */
		now.counts_on[ Index(((P1 *)_this)->i, 3) ] = 0;
#ifdef VAR_RANGES
		logval("counts_on[Broker:i]", ((int)now.counts_on[ Index(((int)((P1 *)_this)->i), 3) ]));
#endif
		;
S_214_0: /* 2 */
		now.once_left[ Index(((P1 *)_this)->i, 3) ] = 0;
#ifdef VAR_RANGES
		logval("once_left[Broker:i]", ((int)now.once_left[ Index(((int)((P1 *)_this)->i), 3) ]));
#endif
		;
		goto S_218_0;
		goto S_218_0;
S_217_2: /* 3 */
S_216_0: /* 2 */
		/* else */;
		goto S_218_0;
S_217_3: /* 3 */
		Uerror("blocking sel in d_step (nr.6, near line 190)");
S_218_0: /* 2 */
S_219_0: /* 2 */
		((P1 *)_this)->i = (((int)((P1 *)_this)->i)+1);
#ifdef VAR_RANGES
		logval("Broker:i", ((int)((P1 *)_this)->i));
#endif
		;
		goto S_223_0; /* ';' */
S_222_1: /* 3 */
S_220_0: /* 2 */
		/* else */;
S_221_0: /* 2 */
		goto S_224_0;	/* 'goto' */
S_222_2: /* 3 */
		Uerror("blocking sel in d_step (nr.7, near line 188)");
S_224_0: /* 2 */
		goto S_225_0;	/* 'break' */
S_225_0: /* 2 */
		((P1 *)_this)->i = 0;
#ifdef VAR_RANGES
		logval("Broker:i", ((int)((P1 *)_this)->i));
#endif
		;
		goto S_228_0;
S_228_0: /* 1 */

#if defined(C_States) && (HAS_TRACK==1)
		c_update((uchar *) &(now.c_state[0]));
#endif
		_m = 3; goto P999;

	case 17: // STATE 90 - requests.pml:234 - [gone[1] = 0] (0:0:1 - 1)
		IfNotBlocked
		reached[1][90] = 1;
		(trpt+1)->bup.oval = ((int)now.gone[1]);
		now.gone[1] = 0;
#ifdef VAR_RANGES
		logval("gone[1]", ((int)now.gone[1]));
#endif
		;
		_m = 3; goto P999; /* 0 */
	case 18: // STATE 91 - requests.pml:235 - [((((awaited==0)&&!(gone[0]))&&nempty(up[0])))] (0:0:0 - 1)
		IfNotBlocked
		reached[1][91] = 1;
		if (!((((((int)now.awaited)==0)&& !(((int)now.gone[0])))&&(q_len(now.up[0])>0))))
			continue;
		_m = 3; goto P999; /* 0 */
	case 19: // STATE 92 - requests.pml:235 - [up[0]?what,r] (389:0:3 - 1)
		reached[1][92] = 1;
		if (q_len(now.up[0]) == 0) continue;

		XX=1;
		(trpt+1)->bup.ovals = grab_ints(3);
		(trpt+1)->bup.ovals[0] = ((P1 *)_this)->what;
		(trpt+1)->bup.ovals[1] = ((int)((P1 *)_this)->r);
		;
		((P1 *)_this)->what = qrecv(now.up[0], XX-1, 0, 0);
#ifdef VAR_RANGES
		logval("Broker:what", ((P1 *)_this)->what);
#endif
		;
		((P1 *)_this)->r = qrecv(now.up[0], XX-1, 1, 1);
#ifdef VAR_RANGES
		logval("Broker:r", ((int)((P1 *)_this)->r));
#endif
		;
		
#ifdef HAS_CODE
		if (readtrail && gui) {
			char simtmp[32];
			sprintf(simvals, "%d?", now.up[0]);
		sprintf(simtmp, "%d", ((P1 *)_this)->what); strcat(simvals, simtmp);		strcat(simvals, ",");
		sprintf(simtmp, "%d", ((int)((P1 *)_this)->r)); strcat(simvals, simtmp);		}
#endif
		;
		/* merge: w = 0(0, 93, 389) */
		reached[1][93] = 1;
		(trpt+1)->bup.ovals[2] = ((int)((P1 *)_this)->w);
		((P1 *)_this)->w = 0;
#ifdef VAR_RANGES
		logval("Broker:w", ((int)((P1 *)_this)->w));
#endif
		;
		/* merge: goto message(0, 95, 389) */
		reached[1][95] = 1;
		;
		_m = 4; goto P999; /* 2 */
	case 20: // STATE 96 - requests.pml:236 - [((((awaited==0)&&!(gone[1]))&&nempty(up[1])))] (0:0:0 - 1)
		IfNotBlocked
		reached[1][96] = 1;
		if (!((((((int)now.awaited)==0)&& !(((int)now.gone[1])))&&(q_len(now.up[1])>0))))
			continue;
		_m = 3; goto P999; /* 0 */
	case 21: // STATE 97 - requests.pml:236 - [up[1]?what,r] (389:0:3 - 1)
		reached[1][97] = 1;
		if (q_len(now.up[1]) == 0) continue;

		XX=1;
		(trpt+1)->bup.ovals = grab_ints(3);
		(trpt+1)->bup.ovals[0] = ((P1 *)_this)->what;
		(trpt+1)->bup.ovals[1] = ((int)((P1 *)_this)->r);
		;
		((P1 *)_this)->what = qrecv(now.up[1], XX-1, 0, 0);
#ifdef VAR_RANGES
		logval("Broker:what", ((P1 *)_this)->what);
#endif
		;
		((P1 *)_this)->r = qrecv(now.up[1], XX-1, 1, 1);
#ifdef VAR_RANGES
		logval("Broker:r", ((int)((P1 *)_this)->r));
#endif
		;
		
#ifdef HAS_CODE
		if (readtrail && gui) {
			char simtmp[32];
			sprintf(simvals, "%d?", now.up[1]);
		sprintf(simtmp, "%d", ((P1 *)_this)->what); strcat(simvals, simtmp);		strcat(simvals, ",");
		sprintf(simtmp, "%d", ((int)((P1 *)_this)->r)); strcat(simvals, simtmp);		}
#endif
		;
		/* merge: w = 1(0, 98, 389) */
		reached[1][98] = 1;
		(trpt+1)->bup.ovals[2] = ((int)((P1 *)_this)->w);
		((P1 *)_this)->w = 1;
#ifdef VAR_RANGES
		logval("Broker:w", ((int)((P1 *)_this)->w));
#endif
		;
		/* merge: goto message(0, 100, 389) */
		reached[1][100] = 1;
		;
		_m = 4; goto P999; /* 2 */
	case 22: // STATE 101 - requests.pml:237 - [((((votes<3)&&(awaited==0))&&(((state[0]==pending)||(state[1]==pending))||(state[2]==pending))))] (109:0:1 - 1)
		IfNotBlocked
		reached[1][101] = 1;
		if (!((((((int)now.votes)<3)&&(((int)now.awaited)==0))&&(((now.state[0]==9)||(now.state[1]==9))||(now.state[2]==9)))))
			continue;
		/* merge: votes = (votes+1)(0, 102, 109) */
		reached[1][102] = 1;
		(trpt+1)->bup.oval = ((int)now.votes);
		now.votes = (((int)now.votes)+1);
#ifdef VAR_RANGES
		logval("votes", ((int)now.votes));
#endif
		;
		_m = 3; goto P999; /* 1 */
	case 23: // STATE 103 - requests.pml:239 - [((state[0]==pending))] (182:0:1 - 1)
		IfNotBlocked
		reached[1][103] = 1;
		if (!((now.state[0]==9)))
			continue;
		/* merge: r = 0(182, 104, 182) */
		reached[1][104] = 1;
		(trpt+1)->bup.oval = ((int)((P1 *)_this)->r);
		((P1 *)_this)->r = 0;
#ifdef VAR_RANGES
		logval("Broker:r", ((int)((P1 *)_this)->r));
#endif
		;
		/* merge: .(goto)(182, 110, 182) */
		reached[1][110] = 1;
		;
		/* merge: goto vote(0, 112, 182) */
		reached[1][112] = 1;
		;
		_m = 3; goto P999; /* 3 */
	case 24: // STATE 110 - requests.pml:239 - [.(goto)] (0:182:0 - 3)
		IfNotBlocked
		reached[1][110] = 1;
		;
		/* merge: goto vote(0, 112, 182) */
		reached[1][112] = 1;
		;
		_m = 3; goto P999; /* 1 */
	case 25: // STATE 105 - requests.pml:239 - [((state[1]==pending))] (182:0:1 - 1)
		IfNotBlocked
		reached[1][105] = 1;
		if (!((now.state[1]==9)))
			continue;
		/* merge: r = 1(182, 106, 182) */
		reached[1][106] = 1;
		(trpt+1)->bup.oval = ((int)((P1 *)_this)->r);
		((P1 *)_this)->r = 1;
#ifdef VAR_RANGES
		logval("Broker:r", ((int)((P1 *)_this)->r));
#endif
		;
		/* merge: .(goto)(182, 110, 182) */
		reached[1][110] = 1;
		;
		/* merge: goto vote(0, 112, 182) */
		reached[1][112] = 1;
		;
		_m = 3; goto P999; /* 3 */
	case 26: // STATE 107 - requests.pml:239 - [((state[2]==pending))] (182:0:1 - 1)
		IfNotBlocked
		reached[1][107] = 1;
		if (!((now.state[2]==9)))
			continue;
		/* merge: r = 2(182, 108, 182) */
		reached[1][108] = 1;
		(trpt+1)->bup.oval = ((int)((P1 *)_this)->r);
		((P1 *)_this)->r = 2;
#ifdef VAR_RANGES
		logval("Broker:r", ((int)((P1 *)_this)->r));
#endif
		;
		/* merge: .(goto)(182, 110, 182) */
		reached[1][110] = 1;
		;
		/* merge: goto vote(0, 112, 182) */
		reached[1][112] = 1;
		;
		_m = 3; goto P999; /* 3 */
	case 27: // STATE 113 - requests.pml:241 - [(((granted&&!(revoked))&&(votes<3)))] (0:0:0 - 1)
		IfNotBlocked
		reached[1][113] = 1;
		if (!(((((int)now.granted)&& !(((int)now.revoked)))&&(((int)now.votes)<3))))
			continue;
		_m = 3; goto P999; /* 0 */
	case 28: // STATE 114 - requests.pml:241 - [votes = (votes+1)] (0:0:1 - 1)
		IfNotBlocked
		reached[1][114] = 1;
		(trpt+1)->bup.oval = ((int)now.votes);
		now.votes = (((int)now.votes)+1);
#ifdef VAR_RANGES
		logval("votes", ((int)now.votes));
#endif
		;
		_m = 3; goto P999; /* 0 */
	case 29: // STATE 115 - requests.pml:241 - [revoked = 1] (0:0:1 - 1)
		IfNotBlocked
		reached[1][115] = 1;
		(trpt+1)->bup.oval = ((int)now.revoked);
		now.revoked = 1;
#ifdef VAR_RANGES
		logval("revoked", ((int)now.revoked));
#endif
		;
		_m = 3; goto P999; /* 0 */
	case 30: // STATE 117 - requests.pml:243 - [(((state[0]==pending)||(state[0]==approved)))] (206:0:1 - 1)
		IfNotBlocked
		reached[1][117] = 1;
		if (!(((now.state[0]==9)||(now.state[0]==8))))
			continue;
		/* merge: r = 0(0, 118, 206) */
		reached[1][118] = 1;
		(trpt+1)->bup.oval = ((int)((P1 *)_this)->r);
		((P1 *)_this)->r = 0;
#ifdef VAR_RANGES
		logval("Broker:r", ((int)((P1 *)_this)->r));
#endif
		;
		/* merge: goto expire(0, 120, 206) */
		reached[1][120] = 1;
		;
		_m = 3; goto P999; /* 2 */
	case 31: // STATE 121 - requests.pml:244 - [(((state[1]==pending)||(state[1]==approved)))] (206:0:1 - 1)
		IfNotBlocked
		reached[1][121] = 1;
		if (!(((now.state[1]==9)||(now.state[1]==8))))
			continue;
		/* merge: r = 1(0, 122, 206) */
		reached[1][122] = 1;
		(trpt+1)->bup.oval = ((int)((P1 *)_this)->r);
		((P1 *)_this)->r = 1;
#ifdef VAR_RANGES
		logval("Broker:r", ((int)((P1 *)_this)->r));
#endif
		;
		/* merge: goto expire(0, 124, 206) */
		reached[1][124] = 1;
		;
		_m = 3; goto P999; /* 2 */
	case 32: // STATE 125 - requests.pml:245 - [(((state[2]==pending)||(state[2]==approved)))] (206:0:1 - 1)
		IfNotBlocked
		reached[1][125] = 1;
		if (!(((now.state[2]==9)||(now.state[2]==8))))
			continue;
		/* merge: r = 2(0, 126, 206) */
		reached[1][126] = 1;
		(trpt+1)->bup.oval = ((int)((P1 *)_this)->r);
		((P1 *)_this)->r = 2;
#ifdef VAR_RANGES
		logval("Broker:r", ((int)((P1 *)_this)->r));
#endif
		;
		/* merge: goto expire(0, 128, 206) */
		reached[1][128] = 1;
		;
		_m = 3; goto P999; /* 2 */
	case 33: // STATE 129 - requests.pml:247 - [((broker_stops<1))] (0:0:0 - 1)
		IfNotBlocked
		reached[1][129] = 1;
		if (!((((int)now.broker_stops)<1)))
			continue;
		_m = 3; goto P999; /* 0 */
	case 34: // STATE 131 - requests.pml:249 - [((((((((((done==2)&&(awaited==0))&&empty(up[0]))&&empty(up[1]))&&!(gone[0]))&&!(gone[1]))&&!(((state[0]==pending)||(state[0]==approved))))&&!(((state[1]==pending)||(state[1]==approved))))&&!(((state[2]==pending)||(state[2]==approved)))))] (0:0:0 - 1)
		IfNotBlocked
		reached[1][131] = 1;
		if (!((((((((((((int)now.done)==2)&&(((int)now.awaited)==0))&&(q_len(now.up[0])==0))&&(q_len(now.up[1])==0))&& !(((int)now.gone[0])))&& !(((int)now.gone[1])))&& !(((now.state[0]==9)||(now.state[0]==8))))&& !(((now.state[1]==9)||(now.state[1]==8))))&& !(((now.state[2]==9)||(now.state[2]==8))))))
			continue;
		_m = 3; goto P999; /* 0 */
	case 35: // STATE 133 - requests.pml:250 - [((((done==2)&&(awaited==0))&&timeout))] (0:0:0 - 1)
		IfNotBlocked
		reached[1][133] = 1;
		if (!((((((int)now.done)==2)&&(((int)now.awaited)==0))&&((trpt->tau)&1))))
			continue;
		_m = 1; goto P999; /* 0 */
	case 36: // STATE 148 - requests.pml:256 - [D_STEP256]
		IfNotBlocked

		reached[1][148] = 1;
		reached[1][t->st] = 1;
		reached[1][tt] = 1;

		if (TstOnly) return 1;

		sv_save();
		S_277_0: /* 2 */
		now.state[ Index(((P1 *)_this)->r, 3) ] = 8;
#ifdef VAR_RANGES
		logval("state[Broker:r]", now.state[ Index(((int)((P1 *)_this)->r), 3) ]);
#endif
		;
S_278_0: /* 2 */
		now.recorded[ Index(((P1 *)_this)->r, 3) ] = 1;
#ifdef VAR_RANGES
		logval("recorded[Broker:r]", ((int)now.recorded[ Index(((int)((P1 *)_this)->r), 3) ]));
#endif
		;
S_279_0: /* 2 */
		now.once_left[ Index(((P1 *)_this)->r, 3) ] = 1;
#ifdef VAR_RANGES
		logval("once_left[Broker:r]", ((int)now.once_left[ Index(((int)((P1 *)_this)->r), 3) ]));
#endif
		;
S_284_0: /* 2 */
S_280_0: /* 2 */
		if (!( !(((int)now.granted))))
			goto S_284_1;
S_281_0: /* 2 */
		now.granted = 1;
#ifdef VAR_RANGES
		logval("granted", ((int)now.granted));
#endif
		;
S_282_0: /* 2 */
		now.counts_on[ Index(((P1 *)_this)->r, 3) ] = 1;
#ifdef VAR_RANGES
		logval("counts_on[Broker:r]", ((int)now.counts_on[ Index(((int)((P1 *)_this)->r), 3) ]));
#endif
		;
		goto S_285_0;
S_284_1: /* 3 */
S_283_0: /* 2 */
		/* else */;
		goto S_285_0;
S_284_2: /* 3 */
		Uerror("blocking sel in d_step (nr.8, near line 258)");
S_285_0: /* 2 */
		goto S_287_0;
S_287_0: /* 1 */

#if defined(C_States) && (HAS_TRACK==1)
		c_update((uchar *) &(now.c_state[0]));
#endif
		_m = 3; goto P999;

	case 37: // STATE 149 - requests.pml:262 - [w = holder[r]] (0:0:1 - 1)
		IfNotBlocked
		reached[1][149] = 1;
		(trpt+1)->bup.oval = ((int)((P1 *)_this)->w);
		((P1 *)_this)->w = ((int)now.holder[ Index(((int)((P1 *)_this)->r), 3) ]);
#ifdef VAR_RANGES
		logval("Broker:w", ((int)((P1 *)_this)->w));
#endif
		;
		_m = 3; goto P999; /* 0 */
	case 38: // STATE 150 - requests.pml:263 - [((w!=9))] (0:0:0 - 1)
		IfNotBlocked
		reached[1][150] = 1;
		if (!((((int)((P1 *)_this)->w)!=9)))
			continue;
		_m = 3; goto P999; /* 0 */
	case 39: // STATE 151 - requests.pml:207 - [(gone[w])] (0:0:1 - 1)
		IfNotBlocked
		reached[1][151] = 1;
		if (!(((int)now.gone[ Index(((int)((P1 *)_this)->w), 2) ])))
			continue;
		if (TstOnly) return 1; /* TT */
		/* dead 1: w */  (trpt+1)->bup.oval = ((P1 *)_this)->w;
#ifdef HAS_CODE
		if (!readtrail)
#endif
			((P1 *)_this)->w = 0;
		_m = 3; goto P999; /* 0 */
	case 40: // STATE 153 - requests.pml:208 - [((!(gone[w])&&nfull(down[w])))] (0:0:0 - 1)
		IfNotBlocked
		reached[1][153] = 1;
		if (!(( !(((int)now.gone[ Index(((int)((P1 *)_this)->w), 2) ]))&&(!q_full(now.down[ Index(((int)((P1 *)_this)->w), 2) ])))))
			continue;
		_m = 3; goto P999; /* 0 */
	case 41: // STATE 154 - requests.pml:208 - [down[w]!13,r] (0:0:0 - 1)
		IfNotBlocked
		reached[1][154] = 1;
		if (q_full(now.down[ Index(((int)((P1 *)_this)->w), 2) ]))
			continue;
#ifdef HAS_CODE
		if (readtrail && gui) {
			char simtmp[64];
			sprintf(simvals, "%d!", now.down[ Index(((int)((P1 *)_this)->w), 2) ]);
		sprintf(simtmp, "%d", 13); strcat(simvals, simtmp);		strcat(simvals, ",");
		sprintf(simtmp, "%d", ((int)((P1 *)_this)->r)); strcat(simvals, simtmp);		}
#endif
		
		qsend(now.down[ Index(((int)((P1 *)_this)->w), 2) ], 0, 13, ((int)((P1 *)_this)->r), 2);
		_m = 2; goto P999; /* 0 */
	case 42: // STATE 155 - requests.pml:209 - [((broker_stops<1))] (0:0:0 - 1)
		IfNotBlocked
		reached[1][155] = 1;
		if (!((((int)now.broker_stops)<1)))
			continue;
		_m = 3; goto P999; /* 0 */
	case 43: // STATE 167 - requests.pml:264 - [D_STEP264]
		IfNotBlocked

		reached[1][167] = 1;
		reached[1][t->st] = 1;
		reached[1][tt] = 1;

		if (TstOnly) return 1;


		reached[1][167] = 1;
		reached[1][t->st] = 1;
		reached[1][tt] = 1;

		sv_save();
		S_304_0: /* 2 */
S_301_0: /* 2 */
		now.state[ Index(((P1 *)_this)->r, 3) ] = 3;
#ifdef VAR_RANGES
		logval("state[Broker:r]", now.state[ Index(((int)((P1 *)_this)->r), 3) ]);
#endif
		;
S_302_0: /* 2 */
		now.counts_on[ Index(((P1 *)_this)->r, 3) ] = 0;
#ifdef VAR_RANGES
		logval("counts_on[Broker:r]", ((int)now.counts_on[ Index(((int)((P1 *)_this)->r), 3) ]));
#endif
		;
S_303_0: /* 2 */
		now.once_left[ Index(((P1 *)_this)->r, 3) ] = 0;
#ifdef VAR_RANGES
		logval("once_left[Broker:r]", ((int)now.once_left[ Index(((int)((P1 *)_this)->r), 3) ]));
#endif
		;
		goto S_306_0;
S_306_0: /* 1 */

#if defined(C_States) && (HAS_TRACK==1)
		c_update((uchar *) &(now.c_state[0]));
#endif
		_m = 3; goto P999;

	case 44: // STATE 168 - requests.pml:265 - [w = holder[r]] (0:0:1 - 1)
		IfNotBlocked
		reached[1][168] = 1;
		(trpt+1)->bup.oval = ((int)((P1 *)_this)->w);
		((P1 *)_this)->w = ((int)now.holder[ Index(((int)((P1 *)_this)->r), 3) ]);
#ifdef VAR_RANGES
		logval("Broker:w", ((int)((P1 *)_this)->w));
#endif
		;
		_m = 3; goto P999; /* 0 */
	case 45: // STATE 169 - requests.pml:266 - [((w!=9))] (0:0:0 - 1)
		IfNotBlocked
		reached[1][169] = 1;
		if (!((((int)((P1 *)_this)->w)!=9)))
			continue;
		_m = 3; goto P999; /* 0 */
	case 46: // STATE 170 - requests.pml:207 - [(gone[w])] (0:0:1 - 1)
		IfNotBlocked
		reached[1][170] = 1;
		if (!(((int)now.gone[ Index(((int)((P1 *)_this)->w), 2) ])))
			continue;
		if (TstOnly) return 1; /* TT */
		/* dead 1: w */  (trpt+1)->bup.oval = ((P1 *)_this)->w;
#ifdef HAS_CODE
		if (!readtrail)
#endif
			((P1 *)_this)->w = 0;
		_m = 3; goto P999; /* 0 */
	case 47: // STATE 172 - requests.pml:208 - [((!(gone[w])&&nfull(down[w])))] (0:0:0 - 1)
		IfNotBlocked
		reached[1][172] = 1;
		if (!(( !(((int)now.gone[ Index(((int)((P1 *)_this)->w), 2) ]))&&(!q_full(now.down[ Index(((int)((P1 *)_this)->w), 2) ])))))
			continue;
		_m = 3; goto P999; /* 0 */
	case 48: // STATE 173 - requests.pml:208 - [down[w]!11,r] (0:0:0 - 1)
		IfNotBlocked
		reached[1][173] = 1;
		if (q_full(now.down[ Index(((int)((P1 *)_this)->w), 2) ]))
			continue;
#ifdef HAS_CODE
		if (readtrail && gui) {
			char simtmp[64];
			sprintf(simvals, "%d!", now.down[ Index(((int)((P1 *)_this)->w), 2) ]);
		sprintf(simtmp, "%d", 11); strcat(simvals, simtmp);		strcat(simvals, ",");
		sprintf(simtmp, "%d", ((int)((P1 *)_this)->r)); strcat(simvals, simtmp);		}
#endif
		
		qsend(now.down[ Index(((int)((P1 *)_this)->w), 2) ], 0, 11, ((int)((P1 *)_this)->r), 2);
		_m = 2; goto P999; /* 0 */
	case 49: // STATE 174 - requests.pml:209 - [((broker_stops<1))] (0:0:0 - 1)
		IfNotBlocked
		reached[1][174] = 1;
		if (!((((int)now.broker_stops)<1)))
			continue;
		_m = 3; goto P999; /* 0 */
	case 50: // STATE 185 - requests.pml:272 - [(((state[r]==pending)||(state[r]==approved)))] (0:0:0 - 1)
		IfNotBlocked
		reached[1][185] = 1;
		if (!(((now.state[ Index(((int)((P1 *)_this)->r), 3) ]==9)||(now.state[ Index(((int)((P1 *)_this)->r), 3) ]==8))))
			continue;
		_m = 3; goto P999; /* 0 */
	case 51: // STATE 190 - requests.pml:272 - [D_STEP272]
		IfNotBlocked

		reached[1][190] = 1;
		reached[1][t->st] = 1;
		reached[1][tt] = 1;

		if (TstOnly) return 1;


		reached[1][190] = 1;
		reached[1][t->st] = 1;
		reached[1][tt] = 1;

		sv_save();
		S_327_0: /* 2 */
S_324_0: /* 2 */
		now.state[ Index(((P1 *)_this)->r, 3) ] = 2;
#ifdef VAR_RANGES
		logval("state[Broker:r]", now.state[ Index(((int)((P1 *)_this)->r), 3) ]);
#endif
		;
S_325_0: /* 2 */
		now.counts_on[ Index(((P1 *)_this)->r, 3) ] = 0;
#ifdef VAR_RANGES
		logval("counts_on[Broker:r]", ((int)now.counts_on[ Index(((int)((P1 *)_this)->r), 3) ]));
#endif
		;
S_326_0: /* 2 */
		now.once_left[ Index(((P1 *)_this)->r, 3) ] = 0;
#ifdef VAR_RANGES
		logval("once_left[Broker:r]", ((int)now.once_left[ Index(((int)((P1 *)_this)->r), 3) ]));
#endif
		;
		goto S_329_0;
S_329_0: /* 1 */

#if defined(C_States) && (HAS_TRACK==1)
		c_update((uchar *) &(now.c_state[0]));
#endif
		_m = 3; goto P999;

	case 52: // STATE 191 - requests.pml:273 - [w = holder[r]] (0:0:1 - 1)
		IfNotBlocked
		reached[1][191] = 1;
		(trpt+1)->bup.oval = ((int)((P1 *)_this)->w);
		((P1 *)_this)->w = ((int)now.holder[ Index(((int)((P1 *)_this)->r), 3) ]);
#ifdef VAR_RANGES
		logval("Broker:w", ((int)((P1 *)_this)->w));
#endif
		;
		_m = 3; goto P999; /* 0 */
	case 53: // STATE 192 - requests.pml:274 - [((w!=9))] (0:0:0 - 1)
		IfNotBlocked
		reached[1][192] = 1;
		if (!((((int)((P1 *)_this)->w)!=9)))
			continue;
		_m = 3; goto P999; /* 0 */
	case 54: // STATE 193 - requests.pml:207 - [(gone[w])] (0:0:1 - 1)
		IfNotBlocked
		reached[1][193] = 1;
		if (!(((int)now.gone[ Index(((int)((P1 *)_this)->w), 2) ])))
			continue;
		if (TstOnly) return 1; /* TT */
		/* dead 1: w */  (trpt+1)->bup.oval = ((P1 *)_this)->w;
#ifdef HAS_CODE
		if (!readtrail)
#endif
			((P1 *)_this)->w = 0;
		_m = 3; goto P999; /* 0 */
	case 55: // STATE 195 - requests.pml:208 - [((!(gone[w])&&nfull(down[w])))] (0:0:0 - 1)
		IfNotBlocked
		reached[1][195] = 1;
		if (!(( !(((int)now.gone[ Index(((int)((P1 *)_this)->w), 2) ]))&&(!q_full(now.down[ Index(((int)((P1 *)_this)->w), 2) ])))))
			continue;
		_m = 3; goto P999; /* 0 */
	case 56: // STATE 196 - requests.pml:208 - [down[w]!11,r] (0:0:0 - 1)
		IfNotBlocked
		reached[1][196] = 1;
		if (q_full(now.down[ Index(((int)((P1 *)_this)->w), 2) ]))
			continue;
#ifdef HAS_CODE
		if (readtrail && gui) {
			char simtmp[64];
			sprintf(simvals, "%d!", now.down[ Index(((int)((P1 *)_this)->w), 2) ]);
		sprintf(simtmp, "%d", 11); strcat(simvals, simtmp);		strcat(simvals, ",");
		sprintf(simtmp, "%d", ((int)((P1 *)_this)->r)); strcat(simvals, simtmp);		}
#endif
		
		qsend(now.down[ Index(((int)((P1 *)_this)->w), 2) ], 0, 11, ((int)((P1 *)_this)->r), 2);
		_m = 2; goto P999; /* 0 */
	case 57: // STATE 197 - requests.pml:209 - [((broker_stops<1))] (0:0:0 - 1)
		IfNotBlocked
		reached[1][197] = 1;
		if (!((((int)now.broker_stops)<1)))
			continue;
		_m = 3; goto P999; /* 0 */
	case 58: // STATE 209 - requests.pml:281 - [((what==SUBMIT))] (0:0:1 - 1)
		IfNotBlocked
		reached[1][209] = 1;
		if (!((((P1 *)_this)->what==19)))
			continue;
		if (TstOnly) return 1; /* TT */
		/* dead 1: what */  (trpt+1)->bup.oval = ((P1 *)_this)->what;
#ifdef HAS_CODE
		if (!readtrail)
#endif
			((P1 *)_this)->what = 0;
		_m = 3; goto P999; /* 0 */
	case 59: // STATE 211 - requests.pml:282 - [D_STEP282]
		IfNotBlocked

		reached[1][211] = 1;
		reached[1][t->st] = 1;
		reached[1][tt] = 1;

		if (TstOnly) return 1;

		sv_save();
		S_348_0: /* 2 */
		((P1 *)_this)->covered = ((((int)now.granted)&& !(((int)now.revoked)))&&((((int)now.used)+((((int)now.counts_on[0])+((int)now.counts_on[1]))+((int)now.counts_on[2])))<2));
#ifdef VAR_RANGES
		logval("Broker:covered", ((int)((P1 *)_this)->covered));
#endif
		;
		goto S_366_0;
S_366_0: /* 1 */

#if defined(C_States) && (HAS_TRACK==1)
		c_update((uchar *) &(now.c_state[0]));
#endif
		_m = 3; goto P999;

	case 60: // STATE 227 - requests.pml:215 - [D_STEP215]
		IfNotBlocked

		reached[1][227] = 1;
		reached[1][t->st] = 1;
		reached[1][tt] = 1;

		if (TstOnly) return 1;

		sv_save();
		S_350_0: /* 2 */
		((P1 *)_this)->open = 9;
#ifdef VAR_RANGES
		logval("Broker:open", ((int)((P1 *)_this)->open));
#endif
		;
S_351_0: /* 2 */
		((P1 *)_this)->i = 0;
#ifdef VAR_RANGES
		logval("Broker:i", ((int)((P1 *)_this)->i));
#endif
		;
S_362_0: /* 2 */
S_361_0: /* 2 */
S_352_0: /* 2 */
		if (!((((int)((P1 *)_this)->i)<3)))
			goto S_361_1;
S_356_0: /* 2 */
S_353_0: /* 2 */
		if (!((((now.state[ Index(((int)((P1 *)_this)->i), 3) ]==9)||(now.state[ Index(((int)((P1 *)_this)->i), 3) ]==8))&& !(((((int)now.counts_on[ Index(((int)((P1 *)_this)->i), 3) ])&&(now.state[ Index(((int)((P1 *)_this)->i), 3) ]==8))&&(((int)now.holder[ Index(((int)((P1 *)_this)->i), 3) ])!=9))))))
			goto S_356_1;
S_354_0: /* 2 */
		((P1 *)_this)->open = ((int)((P1 *)_this)->i);
#ifdef VAR_RANGES
		logval("Broker:open", ((int)((P1 *)_this)->open));
#endif
		;
		goto S_357_0;
S_356_1: /* 3 */
S_355_0: /* 2 */
		/* else */;
		goto S_357_0;
S_356_2: /* 3 */
		Uerror("blocking sel in d_step (nr.9, near line 218)");
S_357_0: /* 2 */
S_358_0: /* 2 */
		((P1 *)_this)->i = (((int)((P1 *)_this)->i)+1);
#ifdef VAR_RANGES
		logval("Broker:i", ((int)((P1 *)_this)->i));
#endif
		;
		goto S_362_0; /* ';' */
S_361_1: /* 3 */
S_359_0: /* 2 */
		/* else */;
S_360_0: /* 2 */
		goto S_363_0;	/* 'goto' */
S_361_2: /* 3 */
		Uerror("blocking sel in d_step (nr.10, near line 217)");
S_363_0: /* 2 */
		goto S_364_0;	/* 'break' */
S_364_0: /* 2 */
		((P1 *)_this)->i = 0;
#ifdef VAR_RANGES
		logval("Broker:i", ((int)((P1 *)_this)->i));
#endif
		;
		goto S_446_0;
S_446_0: /* 1 */

#if defined(C_States) && (HAS_TRACK==1)
		c_update((uchar *) &(now.c_state[0]));
#endif
		_m = 3; goto P999;

	case 61: // STATE 229 - requests.pml:285 - [(((!(covered)&&(open!=9))&&(holder[open]==9)))] (0:0:1 - 1)
		IfNotBlocked
		reached[1][229] = 1;
		if (!((( !(((int)((P1 *)_this)->covered))&&(((int)((P1 *)_this)->open)!=9))&&(((int)now.holder[ Index(((int)((P1 *)_this)->open), 3) ])==9))))
			continue;
		if (TstOnly) return 1; /* TT */
		/* dead 1: covered */  (trpt+1)->bup.oval = ((P1 *)_this)->covered;
#ifdef HAS_CODE
		if (!readtrail)
#endif
			((P1 *)_this)->covered = 0;
		_m = 3; goto P999; /* 0 */
	case 62: // STATE 232 - requests.pml:286 - [D_STEP286]
		IfNotBlocked

		reached[1][232] = 1;
		reached[1][t->st] = 1;
		reached[1][tt] = 1;

		if (TstOnly) return 1;

		sv_save();
		S_368_0: /* 2 */
		now.holder[ Index(((P1 *)_this)->open, 3) ] = ((int)((P1 *)_this)->w);
#ifdef VAR_RANGES
		logval("holder[Broker:open]", ((int)now.holder[ Index(((int)((P1 *)_this)->open), 3) ]));
#endif
		;
S_369_0: /* 2 */
		((P1 *)_this)->r = ((int)((P1 *)_this)->open);
#ifdef VAR_RANGES
		logval("Broker:r", ((int)((P1 *)_this)->r));
#endif
		;
		goto S_391_0;
S_391_0: /* 1 */

#if defined(C_States) && (HAS_TRACK==1)
		c_update((uchar *) &(now.c_state[0]));
#endif
		_m = 3; goto P999;

	case 63: // STATE 233 - requests.pml:288 - [((state[r]==approved))] (0:0:0 - 1)
		IfNotBlocked
		reached[1][233] = 1;
		if (!((now.state[ Index(((int)((P1 *)_this)->r), 3) ]==8)))
			continue;
		_m = 3; goto P999; /* 0 */
	case 64: // STATE 234 - requests.pml:207 - [(gone[w])] (0:0:1 - 1)
		IfNotBlocked
		reached[1][234] = 1;
		if (!(((int)now.gone[ Index(((int)((P1 *)_this)->w), 2) ])))
			continue;
		if (TstOnly) return 1; /* TT */
		/* dead 1: w */  (trpt+1)->bup.oval = ((P1 *)_this)->w;
#ifdef HAS_CODE
		if (!readtrail)
#endif
			((P1 *)_this)->w = 0;
		_m = 3; goto P999; /* 0 */
	case 65: // STATE 236 - requests.pml:208 - [((!(gone[w])&&nfull(down[w])))] (0:0:0 - 1)
		IfNotBlocked
		reached[1][236] = 1;
		if (!(( !(((int)now.gone[ Index(((int)((P1 *)_this)->w), 2) ]))&&(!q_full(now.down[ Index(((int)((P1 *)_this)->w), 2) ])))))
			continue;
		_m = 3; goto P999; /* 0 */
	case 66: // STATE 237 - requests.pml:208 - [down[w]!13,r] (0:0:0 - 1)
		IfNotBlocked
		reached[1][237] = 1;
		if (q_full(now.down[ Index(((int)((P1 *)_this)->w), 2) ]))
			continue;
#ifdef HAS_CODE
		if (readtrail && gui) {
			char simtmp[64];
			sprintf(simvals, "%d!", now.down[ Index(((int)((P1 *)_this)->w), 2) ]);
		sprintf(simtmp, "%d", 13); strcat(simvals, simtmp);		strcat(simvals, ",");
		sprintf(simtmp, "%d", ((int)((P1 *)_this)->r)); strcat(simvals, simtmp);		}
#endif
		
		qsend(now.down[ Index(((int)((P1 *)_this)->w), 2) ], 0, 13, ((int)((P1 *)_this)->r), 2);
		_m = 2; goto P999; /* 0 */
	case 67: // STATE 238 - requests.pml:209 - [((broker_stops<1))] (0:0:0 - 1)
		IfNotBlocked
		reached[1][238] = 1;
		if (!((((int)now.broker_stops)<1)))
			continue;
		_m = 3; goto P999; /* 0 */
	case 68: // STATE 244 - requests.pml:207 - [(gone[w])] (0:0:1 - 1)
		IfNotBlocked
		reached[1][244] = 1;
		if (!(((int)now.gone[ Index(((int)((P1 *)_this)->w), 2) ])))
			continue;
		if (TstOnly) return 1; /* TT */
		/* dead 1: w */  (trpt+1)->bup.oval = ((P1 *)_this)->w;
#ifdef HAS_CODE
		if (!readtrail)
#endif
			((P1 *)_this)->w = 0;
		_m = 3; goto P999; /* 0 */
	case 69: // STATE 246 - requests.pml:208 - [((!(gone[w])&&nfull(down[w])))] (0:0:0 - 1)
		IfNotBlocked
		reached[1][246] = 1;
		if (!(( !(((int)now.gone[ Index(((int)((P1 *)_this)->w), 2) ]))&&(!q_full(now.down[ Index(((int)((P1 *)_this)->w), 2) ])))))
			continue;
		_m = 3; goto P999; /* 0 */
	case 70: // STATE 247 - requests.pml:208 - [down[w]!14,r] (0:0:0 - 1)
		IfNotBlocked
		reached[1][247] = 1;
		if (q_full(now.down[ Index(((int)((P1 *)_this)->w), 2) ]))
			continue;
#ifdef HAS_CODE
		if (readtrail && gui) {
			char simtmp[64];
			sprintf(simvals, "%d!", now.down[ Index(((int)((P1 *)_this)->w), 2) ]);
		sprintf(simtmp, "%d", 14); strcat(simvals, simtmp);		strcat(simvals, ",");
		sprintf(simtmp, "%d", ((int)((P1 *)_this)->r)); strcat(simvals, simtmp);		}
#endif
		
		qsend(now.down[ Index(((int)((P1 *)_this)->w), 2) ], 0, 14, ((int)((P1 *)_this)->r), 2);
		_m = 2; goto P999; /* 0 */
	case 71: // STATE 248 - requests.pml:209 - [((broker_stops<1))] (0:0:0 - 1)
		IfNotBlocked
		reached[1][248] = 1;
		if (!((((int)now.broker_stops)<1)))
			continue;
		_m = 3; goto P999; /* 0 */
	case 72: // STATE 255 - requests.pml:291 - [(((!(covered)&&(open!=9))&&(holder[open]!=9)))] (0:0:1 - 1)
		IfNotBlocked
		reached[1][255] = 1;
		if (!((( !(((int)((P1 *)_this)->covered))&&(((int)((P1 *)_this)->open)!=9))&&(((int)now.holder[ Index(((int)((P1 *)_this)->open), 3) ])!=9))))
			continue;
		if (TstOnly) return 1; /* TT */
		/* dead 1: covered */  (trpt+1)->bup.oval = ((P1 *)_this)->covered;
#ifdef HAS_CODE
		if (!readtrail)
#endif
			((P1 *)_this)->covered = 0;
		_m = 3; goto P999; /* 0 */
	case 73: // STATE 256 - requests.pml:207 - [(gone[w])] (0:0:1 - 1)
		IfNotBlocked
		reached[1][256] = 1;
		if (!(((int)now.gone[ Index(((int)((P1 *)_this)->w), 2) ])))
			continue;
		if (TstOnly) return 1; /* TT */
		/* dead 1: w */  (trpt+1)->bup.oval = ((P1 *)_this)->w;
#ifdef HAS_CODE
		if (!readtrail)
#endif
			((P1 *)_this)->w = 0;
		_m = 3; goto P999; /* 0 */
	case 74: // STATE 258 - requests.pml:208 - [((!(gone[w])&&nfull(down[w])))] (0:0:0 - 1)
		IfNotBlocked
		reached[1][258] = 1;
		if (!(( !(((int)now.gone[ Index(((int)((P1 *)_this)->w), 2) ]))&&(!q_full(now.down[ Index(((int)((P1 *)_this)->w), 2) ])))))
			continue;
		_m = 3; goto P999; /* 0 */
	case 75: // STATE 259 - requests.pml:208 - [down[w]!11,open] (0:0:0 - 1)
		IfNotBlocked
		reached[1][259] = 1;
		if (q_full(now.down[ Index(((int)((P1 *)_this)->w), 2) ]))
			continue;
#ifdef HAS_CODE
		if (readtrail && gui) {
			char simtmp[64];
			sprintf(simvals, "%d!", now.down[ Index(((int)((P1 *)_this)->w), 2) ]);
		sprintf(simtmp, "%d", 11); strcat(simvals, simtmp);		strcat(simvals, ",");
		sprintf(simtmp, "%d", ((int)((P1 *)_this)->open)); strcat(simvals, simtmp);		}
#endif
		
		qsend(now.down[ Index(((int)((P1 *)_this)->w), 2) ], 0, 11, ((int)((P1 *)_this)->open), 2);
		_m = 2; goto P999; /* 0 */
	case 76: // STATE 260 - requests.pml:209 - [((broker_stops<1))] (0:0:0 - 1)
		IfNotBlocked
		reached[1][260] = 1;
		if (!((((int)now.broker_stops)<1)))
			continue;
		_m = 3; goto P999; /* 0 */
	case 77: // STATE 265 - requests.pml:292 - [(((covered||(open==9))&&(n_requests==3)))] (0:0:2 - 1)
		IfNotBlocked
		reached[1][265] = 1;
		if (!(((((int)((P1 *)_this)->covered)||(((int)((P1 *)_this)->open)==9))&&(((int)now.n_requests)==3))))
			continue;
		if (TstOnly) return 1; /* TT */
		/* dead 1: covered */  (trpt+1)->bup.ovals = grab_ints(2);
		(trpt+1)->bup.ovals[0] = ((P1 *)_this)->covered;
#ifdef HAS_CODE
		if (!readtrail)
#endif
			((P1 *)_this)->covered = 0;
		if (TstOnly) return 1; /* TT */
		/* dead 1: open */  (trpt+1)->bup.ovals[1] = ((P1 *)_this)->open;
#ifdef HAS_CODE
		if (!readtrail)
#endif
			((P1 *)_this)->open = 0;
		_m = 3; goto P999; /* 0 */
	case 78: // STATE 266 - requests.pml:207 - [(gone[w])] (0:0:1 - 1)
		IfNotBlocked
		reached[1][266] = 1;
		if (!(((int)now.gone[ Index(((int)((P1 *)_this)->w), 2) ])))
			continue;
		if (TstOnly) return 1; /* TT */
		/* dead 1: w */  (trpt+1)->bup.oval = ((P1 *)_this)->w;
#ifdef HAS_CODE
		if (!readtrail)
#endif
			((P1 *)_this)->w = 0;
		_m = 3; goto P999; /* 0 */
	case 79: // STATE 268 - requests.pml:208 - [((!(gone[w])&&nfull(down[w])))] (0:0:0 - 1)
		IfNotBlocked
		reached[1][268] = 1;
		if (!(( !(((int)now.gone[ Index(((int)((P1 *)_this)->w), 2) ]))&&(!q_full(now.down[ Index(((int)((P1 *)_this)->w), 2) ])))))
			continue;
		_m = 3; goto P999; /* 0 */
	case 80: // STATE 269 - requests.pml:208 - [down[w]!11,9] (0:0:0 - 1)
		IfNotBlocked
		reached[1][269] = 1;
		if (q_full(now.down[ Index(((int)((P1 *)_this)->w), 2) ]))
			continue;
#ifdef HAS_CODE
		if (readtrail && gui) {
			char simtmp[64];
			sprintf(simvals, "%d!", now.down[ Index(((int)((P1 *)_this)->w), 2) ]);
		sprintf(simtmp, "%d", 11); strcat(simvals, simtmp);		strcat(simvals, ",");
		sprintf(simtmp, "%d", 9); strcat(simvals, simtmp);		}
#endif
		
		qsend(now.down[ Index(((int)((P1 *)_this)->w), 2) ], 0, 11, 9, 2);
		_m = 2; goto P999; /* 0 */
	case 81: // STATE 270 - requests.pml:209 - [((broker_stops<1))] (0:0:0 - 1)
		IfNotBlocked
		reached[1][270] = 1;
		if (!((((int)now.broker_stops)<1)))
			continue;
		_m = 3; goto P999; /* 0 */
	case 82: // STATE 275 - requests.pml:293 - [(((covered||(open==9))&&(n_requests<3)))] (0:0:1 - 1)
		IfNotBlocked
		reached[1][275] = 1;
		if (!(((((int)((P1 *)_this)->covered)||(((int)((P1 *)_this)->open)==9))&&(((int)now.n_requests)<3))))
			continue;
		if (TstOnly) return 1; /* TT */
		/* dead 1: open */  (trpt+1)->bup.oval = ((P1 *)_this)->open;
#ifdef HAS_CODE
		if (!readtrail)
#endif
			((P1 *)_this)->open = 0;
		_m = 3; goto P999; /* 0 */
	case 83: // STATE 281 - requests.pml:294 - [D_STEP294]
		IfNotBlocked

		reached[1][281] = 1;
		reached[1][t->st] = 1;
		reached[1][tt] = 1;

		if (TstOnly) return 1;

		sv_save();
		S_414_0: /* 2 */
		((P1 *)_this)->r = ((int)now.n_requests);
#ifdef VAR_RANGES
		logval("Broker:r", ((int)((P1 *)_this)->r));
#endif
		;
S_415_0: /* 2 */
		now.n_requests = (((int)now.n_requests)+1);
#ifdef VAR_RANGES
		logval("n_requests", ((int)now.n_requests));
#endif
		;
S_416_0: /* 2 */
		now.state[ Index(((P1 *)_this)->r, 3) ] = 9;
#ifdef VAR_RANGES
		logval("state[Broker:r]", now.state[ Index(((int)((P1 *)_this)->r), 3) ]);
#endif
		;
S_417_0: /* 2 */
		now.holder[ Index(((P1 *)_this)->r, 3) ] = ((int)((P1 *)_this)->w);
#ifdef VAR_RANGES
		logval("holder[Broker:r]", ((int)now.holder[ Index(((int)((P1 *)_this)->r), 3) ]));
#endif
		;
S_418_0: /* 2 */
		now.counts_on[ Index(((P1 *)_this)->r, 3) ] = ((int)((P1 *)_this)->covered);
#ifdef VAR_RANGES
		logval("counts_on[Broker:r]", ((int)now.counts_on[ Index(((int)((P1 *)_this)->r), 3) ]));
#endif
		;
		goto S_444_0;
S_444_0: /* 1 */

#if defined(C_States) && (HAS_TRACK==1)
		c_update((uchar *) &(now.c_state[0]));
#endif
		_m = 3; goto P999;

	case 84: // STATE 282 - requests.pml:296 - [(covered)] (0:0:1 - 1)
		IfNotBlocked
		reached[1][282] = 1;
		if (!(((int)((P1 *)_this)->covered)))
			continue;
		if (TstOnly) return 1; /* TT */
		/* dead 1: covered */  (trpt+1)->bup.oval = ((P1 *)_this)->covered;
#ifdef HAS_CODE
		if (!readtrail)
#endif
			((P1 *)_this)->covered = 0;
		_m = 3; goto P999; /* 0 */
	case 85: // STATE 286 - requests.pml:296 - [D_STEP296]
		IfNotBlocked

		reached[1][286] = 1;
		reached[1][t->st] = 1;
		reached[1][tt] = 1;

		if (TstOnly) return 1;

		sv_save();
		S_421_0: /* 2 */
		now.state[ Index(((P1 *)_this)->r, 3) ] = 8;
#ifdef VAR_RANGES
		logval("state[Broker:r]", now.state[ Index(((int)((P1 *)_this)->r), 3) ]);
#endif
		;
S_422_0: /* 2 */
		now.recorded[ Index(((P1 *)_this)->r, 3) ] = 1;
#ifdef VAR_RANGES
		logval("recorded[Broker:r]", ((int)now.recorded[ Index(((int)((P1 *)_this)->r), 3) ]));
#endif
		;
S_423_0: /* 2 */
		now.once_left[ Index(((P1 *)_this)->r, 3) ] = 1;
#ifdef VAR_RANGES
		logval("once_left[Broker:r]", ((int)now.once_left[ Index(((int)((P1 *)_this)->r), 3) ]));
#endif
		;
		goto S_433_0;
S_433_0: /* 1 */

#if defined(C_States) && (HAS_TRACK==1)
		c_update((uchar *) &(now.c_state[0]));
#endif
		_m = 3; goto P999;

	case 86: // STATE 287 - requests.pml:207 - [(gone[w])] (0:0:1 - 1)
		IfNotBlocked
		reached[1][287] = 1;
		if (!(((int)now.gone[ Index(((int)((P1 *)_this)->w), 2) ])))
			continue;
		if (TstOnly) return 1; /* TT */
		/* dead 1: w */  (trpt+1)->bup.oval = ((P1 *)_this)->w;
#ifdef HAS_CODE
		if (!readtrail)
#endif
			((P1 *)_this)->w = 0;
		_m = 3; goto P999; /* 0 */
	case 87: // STATE 289 - requests.pml:208 - [((!(gone[w])&&nfull(down[w])))] (0:0:0 - 1)
		IfNotBlocked
		reached[1][289] = 1;
		if (!(( !(((int)now.gone[ Index(((int)((P1 *)_this)->w), 2) ]))&&(!q_full(now.down[ Index(((int)((P1 *)_this)->w), 2) ])))))
			continue;
		_m = 3; goto P999; /* 0 */
	case 88: // STATE 290 - requests.pml:208 - [down[w]!13,r] (0:0:0 - 1)
		IfNotBlocked
		reached[1][290] = 1;
		if (q_full(now.down[ Index(((int)((P1 *)_this)->w), 2) ]))
			continue;
#ifdef HAS_CODE
		if (readtrail && gui) {
			char simtmp[64];
			sprintf(simvals, "%d!", now.down[ Index(((int)((P1 *)_this)->w), 2) ]);
		sprintf(simtmp, "%d", 13); strcat(simvals, simtmp);		strcat(simvals, ",");
		sprintf(simtmp, "%d", ((int)((P1 *)_this)->r)); strcat(simvals, simtmp);		}
#endif
		
		qsend(now.down[ Index(((int)((P1 *)_this)->w), 2) ], 0, 13, ((int)((P1 *)_this)->r), 2);
		_m = 2; goto P999; /* 0 */
	case 89: // STATE 291 - requests.pml:209 - [((broker_stops<1))] (0:0:0 - 1)
		IfNotBlocked
		reached[1][291] = 1;
		if (!((((int)now.broker_stops)<1)))
			continue;
		_m = 3; goto P999; /* 0 */
	case 90: // STATE 297 - requests.pml:207 - [(gone[w])] (0:0:1 - 1)
		IfNotBlocked
		reached[1][297] = 1;
		if (!(((int)now.gone[ Index(((int)((P1 *)_this)->w), 2) ])))
			continue;
		if (TstOnly) return 1; /* TT */
		/* dead 1: w */  (trpt+1)->bup.oval = ((P1 *)_this)->w;
#ifdef HAS_CODE
		if (!readtrail)
#endif
			((P1 *)_this)->w = 0;
		_m = 3; goto P999; /* 0 */
	case 91: // STATE 299 - requests.pml:208 - [((!(gone[w])&&nfull(down[w])))] (0:0:0 - 1)
		IfNotBlocked
		reached[1][299] = 1;
		if (!(( !(((int)now.gone[ Index(((int)((P1 *)_this)->w), 2) ]))&&(!q_full(now.down[ Index(((int)((P1 *)_this)->w), 2) ])))))
			continue;
		_m = 3; goto P999; /* 0 */
	case 92: // STATE 300 - requests.pml:208 - [down[w]!14,r] (0:0:0 - 1)
		IfNotBlocked
		reached[1][300] = 1;
		if (q_full(now.down[ Index(((int)((P1 *)_this)->w), 2) ]))
			continue;
#ifdef HAS_CODE
		if (readtrail && gui) {
			char simtmp[64];
			sprintf(simvals, "%d!", now.down[ Index(((int)((P1 *)_this)->w), 2) ]);
		sprintf(simtmp, "%d", 14); strcat(simvals, simtmp);		strcat(simvals, ",");
		sprintf(simtmp, "%d", ((int)((P1 *)_this)->r)); strcat(simvals, simtmp);		}
#endif
		
		qsend(now.down[ Index(((int)((P1 *)_this)->w), 2) ], 0, 14, ((int)((P1 *)_this)->r), 2);
		_m = 2; goto P999; /* 0 */
	case 93: // STATE 301 - requests.pml:209 - [((broker_stops<1))] (0:0:0 - 1)
		IfNotBlocked
		reached[1][301] = 1;
		if (!((((int)now.broker_stops)<1)))
			continue;
		_m = 3; goto P999; /* 0 */
	case 94: // STATE 310 - requests.pml:309 - [((what==CLAIM))] (0:0:1 - 1)
		IfNotBlocked
		reached[1][310] = 1;
		if (!((((P1 *)_this)->what==17)))
			continue;
		if (TstOnly) return 1; /* TT */
		/* dead 1: what */  (trpt+1)->bup.oval = ((P1 *)_this)->what;
#ifdef HAS_CODE
		if (!readtrail)
#endif
			((P1 *)_this)->what = 0;
		_m = 3; goto P999; /* 0 */
	case 95: // STATE 311 - requests.pml:315 - [(((((holder[r]==w)&&(state[r]==approved))&&counts_on[r])&&revoked))] (0:0:0 - 1)
		IfNotBlocked
		reached[1][311] = 1;
		if (!(((((((int)now.holder[ Index(((int)((P1 *)_this)->r), 3) ])==((int)((P1 *)_this)->w))&&(now.state[ Index(((int)((P1 *)_this)->r), 3) ]==8))&&((int)now.counts_on[ Index(((int)((P1 *)_this)->r), 3) ]))&&((int)now.revoked))))
			continue;
		_m = 3; goto P999; /* 0 */
	case 96: // STATE 316 - requests.pml:316 - [D_STEP316]
		IfNotBlocked

		reached[1][316] = 1;
		reached[1][t->st] = 1;
		reached[1][tt] = 1;

		if (TstOnly) return 1;


		reached[1][316] = 1;
		reached[1][t->st] = 1;
		reached[1][tt] = 1;

		sv_save();
		S_453_0: /* 2 */
S_450_0: /* 2 */
		now.state[ Index(((P1 *)_this)->r, 3) ] = 1;
#ifdef VAR_RANGES
		logval("state[Broker:r]", now.state[ Index(((int)((P1 *)_this)->r), 3) ]);
#endif
		;
S_451_0: /* 2 */
		now.counts_on[ Index(((P1 *)_this)->r, 3) ] = 0;
#ifdef VAR_RANGES
		logval("counts_on[Broker:r]", ((int)now.counts_on[ Index(((int)((P1 *)_this)->r), 3) ]));
#endif
		;
S_452_0: /* 2 */
		now.once_left[ Index(((P1 *)_this)->r, 3) ] = 0;
#ifdef VAR_RANGES
		logval("once_left[Broker:r]", ((int)now.once_left[ Index(((int)((P1 *)_this)->r), 3) ]));
#endif
		;
		goto S_463_0;
S_463_0: /* 1 */

#if defined(C_States) && (HAS_TRACK==1)
		c_update((uchar *) &(now.c_state[0]));
#endif
		_m = 3; goto P999;

	case 97: // STATE 317 - requests.pml:207 - [(gone[w])] (0:0:1 - 1)
		IfNotBlocked
		reached[1][317] = 1;
		if (!(((int)now.gone[ Index(((int)((P1 *)_this)->w), 2) ])))
			continue;
		if (TstOnly) return 1; /* TT */
		/* dead 1: w */  (trpt+1)->bup.oval = ((P1 *)_this)->w;
#ifdef HAS_CODE
		if (!readtrail)
#endif
			((P1 *)_this)->w = 0;
		_m = 3; goto P999; /* 0 */
	case 98: // STATE 319 - requests.pml:208 - [((!(gone[w])&&nfull(down[w])))] (0:0:0 - 1)
		IfNotBlocked
		reached[1][319] = 1;
		if (!(( !(((int)now.gone[ Index(((int)((P1 *)_this)->w), 2) ]))&&(!q_full(now.down[ Index(((int)((P1 *)_this)->w), 2) ])))))
			continue;
		_m = 3; goto P999; /* 0 */
	case 99: // STATE 320 - requests.pml:208 - [down[w]!11,r] (0:0:0 - 1)
		IfNotBlocked
		reached[1][320] = 1;
		if (q_full(now.down[ Index(((int)((P1 *)_this)->w), 2) ]))
			continue;
#ifdef HAS_CODE
		if (readtrail && gui) {
			char simtmp[64];
			sprintf(simvals, "%d!", now.down[ Index(((int)((P1 *)_this)->w), 2) ]);
		sprintf(simtmp, "%d", 11); strcat(simvals, simtmp);		strcat(simvals, ",");
		sprintf(simtmp, "%d", ((int)((P1 *)_this)->r)); strcat(simvals, simtmp);		}
#endif
		
		qsend(now.down[ Index(((int)((P1 *)_this)->w), 2) ], 0, 11, ((int)((P1 *)_this)->r), 2);
		_m = 2; goto P999; /* 0 */
	case 100: // STATE 321 - requests.pml:209 - [((broker_stops<1))] (0:0:0 - 1)
		IfNotBlocked
		reached[1][321] = 1;
		if (!((((int)now.broker_stops)<1)))
			continue;
		_m = 3; goto P999; /* 0 */
	case 101: // STATE 326 - requests.pml:317 - [((((holder[r]==w)&&(state[r]==approved))&&!((counts_on[r]&&revoked))))] (0:0:0 - 1)
		IfNotBlocked
		reached[1][326] = 1;
		if (!((((((int)now.holder[ Index(((int)((P1 *)_this)->r), 3) ])==((int)((P1 *)_this)->w))&&(now.state[ Index(((int)((P1 *)_this)->r), 3) ]==8))&& !((((int)now.counts_on[ Index(((int)((P1 *)_this)->r), 3) ])&&((int)now.revoked))))))
			continue;
		_m = 3; goto P999; /* 0 */
	case 102: // STATE 338 - requests.pml:318 - [D_STEP318]
		/* default 258 */
		

		reached[1][338] = 1;
		reached[1][t->st] = 1;
		reached[1][tt] = 1;

		if (TstOnly) return 1;

		sv_save();
		S_465_0: /* 2 */
		spin_assert(((int)now.once_left[ Index(((int)((P1 *)_this)->r), 3) ]), "once_left[r]", II, tt, t);
S_466_0: /* 2 */
		now.state[ Index(((P1 *)_this)->r, 3) ] = 7;
#ifdef VAR_RANGES
		logval("state[Broker:r]", now.state[ Index(((int)((P1 *)_this)->r), 3) ]);
#endif
		;
S_467_0: /* 2 */
		now.once_left[ Index(((P1 *)_this)->r, 3) ] = 0;
#ifdef VAR_RANGES
		logval("once_left[Broker:r]", ((int)now.once_left[ Index(((int)((P1 *)_this)->r), 3) ]));
#endif
		;
S_474_0: /* 2 */
S_468_0: /* 2 */
		if (!(((int)now.counts_on[ Index(((int)((P1 *)_this)->r), 3) ])))
			goto S_474_1;
S_469_0: /* 2 */
		now.counts_on[ Index(((P1 *)_this)->r, 3) ] = 0;
#ifdef VAR_RANGES
		logval("counts_on[Broker:r]", ((int)now.counts_on[ Index(((int)((P1 *)_this)->r), 3) ]));
#endif
		;
S_470_0: /* 2 */
		now.used = (((int)now.used)+1);
#ifdef VAR_RANGES
		logval("used", ((int)now.used));
#endif
		;
S_471_0: /* 2 */
		now.grant_runs = (((int)now.grant_runs)+1);
#ifdef VAR_RANGES
		logval("grant_runs", ((int)now.grant_runs));
#endif
		;
S_472_0: /* 2 */
		spin_assert((((int)now.grant_runs)<=2), "(grant_runs<=2)", II, tt, t);
		goto S_475_0;
S_474_1: /* 3 */
S_473_0: /* 2 */
		/* else */;
		goto S_475_0;
S_474_2: /* 3 */
		Uerror("blocking sel in d_step (nr.11, near line 321)");
S_475_0: /* 2 */
		goto S_485_0;
S_485_0: /* 1 */

#if defined(C_States) && (HAS_TRACK==1)
		c_update((uchar *) &(now.c_state[0]));
#endif
		_m = 3; goto P999;

	case 103: // STATE 339 - requests.pml:207 - [(gone[w])] (0:0:1 - 1)
		IfNotBlocked
		reached[1][339] = 1;
		if (!(((int)now.gone[ Index(((int)((P1 *)_this)->w), 2) ])))
			continue;
		if (TstOnly) return 1; /* TT */
		/* dead 1: w */  (trpt+1)->bup.oval = ((P1 *)_this)->w;
#ifdef HAS_CODE
		if (!readtrail)
#endif
			((P1 *)_this)->w = 0;
		_m = 3; goto P999; /* 0 */
	case 104: // STATE 341 - requests.pml:208 - [((!(gone[w])&&nfull(down[w])))] (0:0:0 - 1)
		IfNotBlocked
		reached[1][341] = 1;
		if (!(( !(((int)now.gone[ Index(((int)((P1 *)_this)->w), 2) ]))&&(!q_full(now.down[ Index(((int)((P1 *)_this)->w), 2) ])))))
			continue;
		_m = 3; goto P999; /* 0 */
	case 105: // STATE 342 - requests.pml:208 - [down[w]!12,r] (0:0:0 - 1)
		IfNotBlocked
		reached[1][342] = 1;
		if (q_full(now.down[ Index(((int)((P1 *)_this)->w), 2) ]))
			continue;
#ifdef HAS_CODE
		if (readtrail && gui) {
			char simtmp[64];
			sprintf(simvals, "%d!", now.down[ Index(((int)((P1 *)_this)->w), 2) ]);
		sprintf(simtmp, "%d", 12); strcat(simvals, simtmp);		strcat(simvals, ",");
		sprintf(simtmp, "%d", ((int)((P1 *)_this)->r)); strcat(simvals, simtmp);		}
#endif
		
		qsend(now.down[ Index(((int)((P1 *)_this)->w), 2) ], 0, 12, ((int)((P1 *)_this)->r), 2);
		_m = 2; goto P999; /* 0 */
	case 106: // STATE 343 - requests.pml:209 - [((broker_stops<1))] (0:0:0 - 1)
		IfNotBlocked
		reached[1][343] = 1;
		if (!((((int)now.broker_stops)<1)))
			continue;
		_m = 3; goto P999; /* 0 */
	case 107: // STATE 349 - requests.pml:207 - [(gone[w])] (0:0:1 - 1)
		IfNotBlocked
		reached[1][349] = 1;
		if (!(((int)now.gone[ Index(((int)((P1 *)_this)->w), 2) ])))
			continue;
		if (TstOnly) return 1; /* TT */
		/* dead 1: w */  (trpt+1)->bup.oval = ((P1 *)_this)->w;
#ifdef HAS_CODE
		if (!readtrail)
#endif
			((P1 *)_this)->w = 0;
		_m = 3; goto P999; /* 0 */
	case 108: // STATE 351 - requests.pml:208 - [((!(gone[w])&&nfull(down[w])))] (0:0:0 - 1)
		IfNotBlocked
		reached[1][351] = 1;
		if (!(( !(((int)now.gone[ Index(((int)((P1 *)_this)->w), 2) ]))&&(!q_full(now.down[ Index(((int)((P1 *)_this)->w), 2) ])))))
			continue;
		_m = 3; goto P999; /* 0 */
	case 109: // STATE 352 - requests.pml:208 - [down[w]!11,r] (0:0:0 - 1)
		IfNotBlocked
		reached[1][352] = 1;
		if (q_full(now.down[ Index(((int)((P1 *)_this)->w), 2) ]))
			continue;
#ifdef HAS_CODE
		if (readtrail && gui) {
			char simtmp[64];
			sprintf(simvals, "%d!", now.down[ Index(((int)((P1 *)_this)->w), 2) ]);
		sprintf(simtmp, "%d", 11); strcat(simvals, simtmp);		strcat(simvals, ",");
		sprintf(simtmp, "%d", ((int)((P1 *)_this)->r)); strcat(simvals, simtmp);		}
#endif
		
		qsend(now.down[ Index(((int)((P1 *)_this)->w), 2) ], 0, 11, ((int)((P1 *)_this)->r), 2);
		_m = 2; goto P999; /* 0 */
	case 110: // STATE 353 - requests.pml:209 - [((broker_stops<1))] (0:0:0 - 1)
		IfNotBlocked
		reached[1][353] = 1;
		if (!((((int)now.broker_stops)<1)))
			continue;
		_m = 3; goto P999; /* 0 */
	case 111: // STATE 360 - requests.pml:329 - [((what==WITHDRAW))] (0:0:1 - 1)
		IfNotBlocked
		reached[1][360] = 1;
		if (!((((P1 *)_this)->what==18)))
			continue;
		if (TstOnly) return 1; /* TT */
		/* dead 1: what */  (trpt+1)->bup.oval = ((P1 *)_this)->what;
#ifdef HAS_CODE
		if (!readtrail)
#endif
			((P1 *)_this)->what = 0;
		_m = 3; goto P999; /* 0 */
	case 112: // STATE 361 - requests.pml:331 - [(((holder[r]==w)&&((state[r]==pending)||(state[r]==approved))))] (0:0:0 - 1)
		IfNotBlocked
		reached[1][361] = 1;
		if (!(((((int)now.holder[ Index(((int)((P1 *)_this)->r), 3) ])==((int)((P1 *)_this)->w))&&((now.state[ Index(((int)((P1 *)_this)->r), 3) ]==9)||(now.state[ Index(((int)((P1 *)_this)->r), 3) ]==8)))))
			continue;
		_m = 3; goto P999; /* 0 */
	case 113: // STATE 366 - requests.pml:331 - [D_STEP331]
		IfNotBlocked

		reached[1][366] = 1;
		reached[1][t->st] = 1;
		reached[1][tt] = 1;

		if (TstOnly) return 1;


		reached[1][366] = 1;
		reached[1][t->st] = 1;
		reached[1][tt] = 1;

		sv_save();
		S_503_0: /* 2 */
S_500_0: /* 2 */
		now.state[ Index(((P1 *)_this)->r, 3) ] = 1;
#ifdef VAR_RANGES
		logval("state[Broker:r]", now.state[ Index(((int)((P1 *)_this)->r), 3) ]);
#endif
		;
S_501_0: /* 2 */
		now.counts_on[ Index(((P1 *)_this)->r, 3) ] = 0;
#ifdef VAR_RANGES
		logval("counts_on[Broker:r]", ((int)now.counts_on[ Index(((int)((P1 *)_this)->r), 3) ]));
#endif
		;
S_502_0: /* 2 */
		now.once_left[ Index(((P1 *)_this)->r, 3) ] = 0;
#ifdef VAR_RANGES
		logval("once_left[Broker:r]", ((int)now.once_left[ Index(((int)((P1 *)_this)->r), 3) ]));
#endif
		;
		goto S_507_0;
S_507_0: /* 1 */

#if defined(C_States) && (HAS_TRACK==1)
		c_update((uchar *) &(now.c_state[0]));
#endif
		_m = 3; goto P999;

	case 114: // STATE 370 - requests.pml:207 - [(gone[w])] (0:0:1 - 1)
		IfNotBlocked
		reached[1][370] = 1;
		if (!(((int)now.gone[ Index(((int)((P1 *)_this)->w), 2) ])))
			continue;
		if (TstOnly) return 1; /* TT */
		/* dead 1: w */  (trpt+1)->bup.oval = ((P1 *)_this)->w;
#ifdef HAS_CODE
		if (!readtrail)
#endif
			((P1 *)_this)->w = 0;
		_m = 3; goto P999; /* 0 */
	case 115: // STATE 372 - requests.pml:208 - [((!(gone[w])&&nfull(down[w])))] (0:0:0 - 1)
		IfNotBlocked
		reached[1][372] = 1;
		if (!(( !(((int)now.gone[ Index(((int)((P1 *)_this)->w), 2) ]))&&(!q_full(now.down[ Index(((int)((P1 *)_this)->w), 2) ])))))
			continue;
		_m = 3; goto P999; /* 0 */
	case 116: // STATE 373 - requests.pml:208 - [down[w]!11,r] (0:0:0 - 1)
		IfNotBlocked
		reached[1][373] = 1;
		if (q_full(now.down[ Index(((int)((P1 *)_this)->w), 2) ]))
			continue;
#ifdef HAS_CODE
		if (readtrail && gui) {
			char simtmp[64];
			sprintf(simvals, "%d!", now.down[ Index(((int)((P1 *)_this)->w), 2) ]);
		sprintf(simtmp, "%d", 11); strcat(simvals, simtmp);		strcat(simvals, ",");
		sprintf(simtmp, "%d", ((int)((P1 *)_this)->r)); strcat(simvals, simtmp);		}
#endif
		
		qsend(now.down[ Index(((int)((P1 *)_this)->w), 2) ], 0, 11, ((int)((P1 *)_this)->r), 2);
		_m = 2; goto P999; /* 0 */
	case 117: // STATE 374 - requests.pml:209 - [((broker_stops<1))] (0:0:0 - 1)
		IfNotBlocked
		reached[1][374] = 1;
		if (!((((int)now.broker_stops)<1)))
			continue;
		_m = 3; goto P999; /* 0 */
	case 118: // STATE 379 - requests.pml:335 - [(((what==RESULT)||(what==NOT_RUN)))] (0:0:0 - 1)
		IfNotBlocked
		reached[1][379] = 1;
		if (!(((((P1 *)_this)->what==16)||(((P1 *)_this)->what==15))))
			continue;
		_m = 3; goto P999; /* 0 */
	case 119: // STATE 388 - requests.pml:336 - [D_STEP336]
		if (!(((boq == -1 && ((((int)now.holder[ Index(((int)((P1 *)_this)->r), 3) ])==((int)((P1 *)_this)->w))&&(now.state[ Index(((int)((P1 *)_this)->r), 3) ]==7)))) || (boq == -1 /* else */)))
			continue;

		reached[1][388] = 1;
		reached[1][t->st] = 1;
		reached[1][tt] = 1;

		if (TstOnly) return 1;

		sv_save();
		S_524_0: /* 2 */
S_518_0: /* 2 */
		if (!(((((int)now.holder[ Index(((int)((P1 *)_this)->r), 3) ])==((int)((P1 *)_this)->w))&&(now.state[ Index(((int)((P1 *)_this)->r), 3) ]==7))))
			goto S_524_1;
S_522_0: /* 2 */
S_519_0: /* 2 */
		now.state[ Index(((P1 *)_this)->r, 3) ] = ( ((((P1 *)_this)->what==16)) ? (6) : (5) );
#ifdef VAR_RANGES
		logval("state[Broker:r]", now.state[ Index(((int)((P1 *)_this)->r), 3) ]);
#endif
		;
S_520_0: /* 2 */
		now.counts_on[ Index(((P1 *)_this)->r, 3) ] = 0;
#ifdef VAR_RANGES
		logval("counts_on[Broker:r]", ((int)now.counts_on[ Index(((int)((P1 *)_this)->r), 3) ]));
#endif
		;
S_521_0: /* 2 */
		now.once_left[ Index(((P1 *)_this)->r, 3) ] = 0;
#ifdef VAR_RANGES
		logval("once_left[Broker:r]", ((int)now.once_left[ Index(((int)((P1 *)_this)->r), 3) ]));
#endif
		;
		goto S_525_0;
S_524_1: /* 3 */
S_523_0: /* 2 */
		/* else */;
		goto S_525_0;
S_524_2: /* 3 */
		Uerror("blocking sel in d_step (nr.12, near line 336)");
S_525_0: /* 2 */
		goto S_528_0;
S_528_0: /* 1 */

#if defined(C_States) && (HAS_TRACK==1)
		c_update((uchar *) &(now.c_state[0]));
#endif
		_m = 3; goto P999;

	case 120: // STATE 392 - requests.pml:342 - [broker_stops = (broker_stops+1)] (0:0:1 - 1)
		IfNotBlocked
		reached[1][392] = 1;
		(trpt+1)->bup.oval = ((int)now.broker_stops);
		now.broker_stops = (((int)now.broker_stops)+1);
#ifdef VAR_RANGES
		logval("broker_stops", ((int)now.broker_stops));
#endif
		;
		_m = 3; goto P999; /* 0 */
	case 121: // STATE 393 - requests.pml:55 - [up[0]?_,_] (0:0:2 - 1)
		reached[1][393] = 1;
		if (q_len(now.up[0]) == 0) continue;

		XX=1;
		(trpt+1)->bup.ovals = grab_ints(2);
		(trpt+1)->bup.ovals[0] = qrecv(now.up[0], XX-1, 0, 0);
		(trpt+1)->bup.ovals[1] = qrecv(now.up[0], XX-1, 1, 0);
		;
		qrecv(now.up[0], XX-1, 0, 0);
		qrecv(now.up[0], XX-1, 1, 1);
		
#ifdef HAS_CODE
		if (readtrail && gui) {
			char simtmp[32];
			sprintf(simvals, "%d?", now.up[0]);
		sprintf(simtmp, "%d", ((int)_)); strcat(simvals, simtmp);		strcat(simvals, ",");
		sprintf(simtmp, "%d", ((int)_)); strcat(simvals, simtmp);		}
#endif
		;
		_m = 4; goto P999; /* 0 */
	case 122: // STATE 394 - requests.pml:55 - [down[0]?_,_] (0:0:2 - 1)
		reached[1][394] = 1;
		if (q_len(now.down[0]) == 0) continue;

		XX=1;
		(trpt+1)->bup.ovals = grab_ints(2);
		(trpt+1)->bup.ovals[0] = qrecv(now.down[0], XX-1, 0, 0);
		(trpt+1)->bup.ovals[1] = qrecv(now.down[0], XX-1, 1, 0);
		;
		qrecv(now.down[0], XX-1, 0, 0);
		qrecv(now.down[0], XX-1, 1, 1);
		
#ifdef HAS_CODE
		if (readtrail && gui) {
			char simtmp[32];
			sprintf(simvals, "%d?", now.down[0]);
		sprintf(simtmp, "%d", ((int)_)); strcat(simvals, simtmp);		strcat(simvals, ",");
		sprintf(simtmp, "%d", ((int)_)); strcat(simvals, simtmp);		}
#endif
		;
		_m = 4; goto P999; /* 0 */
	case 123: // STATE 395 - requests.pml:55 - [((empty(up[0])&&empty(down[0])))] (0:0:0 - 1)
		IfNotBlocked
		reached[1][395] = 1;
		if (!(((q_len(now.up[0])==0)&&(q_len(now.down[0])==0))))
			continue;
		_m = 3; goto P999; /* 0 */
	case 124: // STATE 401 - requests.pml:55 - [up[1]?_,_] (0:0:2 - 1)
		reached[1][401] = 1;
		if (q_len(now.up[1]) == 0) continue;

		XX=1;
		(trpt+1)->bup.ovals = grab_ints(2);
		(trpt+1)->bup.ovals[0] = qrecv(now.up[1], XX-1, 0, 0);
		(trpt+1)->bup.ovals[1] = qrecv(now.up[1], XX-1, 1, 0);
		;
		qrecv(now.up[1], XX-1, 0, 0);
		qrecv(now.up[1], XX-1, 1, 1);
		
#ifdef HAS_CODE
		if (readtrail && gui) {
			char simtmp[32];
			sprintf(simvals, "%d?", now.up[1]);
		sprintf(simtmp, "%d", ((int)_)); strcat(simvals, simtmp);		strcat(simvals, ",");
		sprintf(simtmp, "%d", ((int)_)); strcat(simvals, simtmp);		}
#endif
		;
		_m = 4; goto P999; /* 0 */
	case 125: // STATE 402 - requests.pml:55 - [down[1]?_,_] (0:0:2 - 1)
		reached[1][402] = 1;
		if (q_len(now.down[1]) == 0) continue;

		XX=1;
		(trpt+1)->bup.ovals = grab_ints(2);
		(trpt+1)->bup.ovals[0] = qrecv(now.down[1], XX-1, 0, 0);
		(trpt+1)->bup.ovals[1] = qrecv(now.down[1], XX-1, 1, 0);
		;
		qrecv(now.down[1], XX-1, 0, 0);
		qrecv(now.down[1], XX-1, 1, 1);
		
#ifdef HAS_CODE
		if (readtrail && gui) {
			char simtmp[32];
			sprintf(simvals, "%d?", now.down[1]);
		sprintf(simtmp, "%d", ((int)_)); strcat(simvals, simtmp);		strcat(simvals, ",");
		sprintf(simtmp, "%d", ((int)_)); strcat(simvals, simtmp);		}
#endif
		;
		_m = 4; goto P999; /* 0 */
	case 126: // STATE 403 - requests.pml:55 - [((empty(up[1])&&empty(down[1])))] (135:0:2 - 1)
		IfNotBlocked
		reached[1][403] = 1;
		if (!(((q_len(now.up[1])==0)&&(q_len(now.down[1])==0))))
			continue;
		/* merge: goto :b9(135, 404, 135) */
		reached[1][404] = 1;
		;
		/* merge: boot = (boot+1)(135, 409, 135) */
		reached[1][409] = 1;
		(trpt+1)->bup.ovals = grab_ints(2);
		(trpt+1)->bup.ovals[0] = ((int)now.boot);
		now.boot = (((int)now.boot)+1);
#ifdef VAR_RANGES
		logval("boot", ((int)now.boot));
#endif
		;
		/* merge: awaited = 3(135, 410, 135) */
		reached[1][410] = 1;
		(trpt+1)->bup.ovals[1] = ((int)now.awaited);
		now.awaited = 3;
#ifdef VAR_RANGES
		logval("awaited", ((int)now.awaited));
#endif
		;
		/* merge: goto start(0, 412, 135) */
		reached[1][412] = 1;
		;
		_m = 3; goto P999; /* 4 */
	case 127: // STATE 409 - requests.pml:344 - [boot = (boot+1)] (0:135:2 - 3)
		IfNotBlocked
		reached[1][409] = 1;
		(trpt+1)->bup.ovals = grab_ints(2);
		(trpt+1)->bup.ovals[0] = ((int)now.boot);
		now.boot = (((int)now.boot)+1);
#ifdef VAR_RANGES
		logval("boot", ((int)now.boot));
#endif
		;
		/* merge: awaited = 3(135, 410, 135) */
		reached[1][410] = 1;
		(trpt+1)->bup.ovals[1] = ((int)now.awaited);
		now.awaited = 3;
#ifdef VAR_RANGES
		logval("awaited", ((int)now.awaited));
#endif
		;
		/* merge: goto start(0, 412, 135) */
		reached[1][412] = 1;
		;
		_m = 3; goto P999; /* 2 */
	case 128: // STATE 413 - requests.pml:356 - [assert((((state[0]!=pending)&&(state[0]!=approved))&&(state[0]!=running)))] (0:0:0 - 6)
		IfNotBlocked
		reached[1][413] = 1;
		spin_assert((((now.state[0]!=9)&&(now.state[0]!=8))&&(now.state[0]!=7)), "(((state[0]!=9)&&(state[0]!=8))&&(state[0]!=7))", II, tt, t);
		_m = 3; goto P999; /* 0 */
	case 129: // STATE 414 - requests.pml:357 - [assert((((state[1]!=pending)&&(state[1]!=approved))&&(state[1]!=running)))] (0:0:0 - 1)
		IfNotBlocked
		reached[1][414] = 1;
		spin_assert((((now.state[1]!=9)&&(now.state[1]!=8))&&(now.state[1]!=7)), "(((state[1]!=9)&&(state[1]!=8))&&(state[1]!=7))", II, tt, t);
		_m = 3; goto P999; /* 0 */
	case 130: // STATE 415 - requests.pml:358 - [assert((((state[2]!=pending)&&(state[2]!=approved))&&(state[2]!=running)))] (0:0:0 - 1)
		IfNotBlocked
		reached[1][415] = 1;
		spin_assert((((now.state[2]!=9)&&(now.state[2]!=8))&&(now.state[2]!=7)), "(((state[2]!=9)&&(state[2]!=8))&&(state[2]!=7))", II, tt, t);
		_m = 3; goto P999; /* 0 */
	case 131: // STATE 416 - requests.pml:359 - [-end-] (0:0:0 - 1)
		IfNotBlocked
		reached[1][416] = 1;
		if (!delproc(1, II)) continue;
		_m = 3; goto P999; /* 0 */

		 /* PROC Worker */
	case 132: // STATE 1 - requests.pml:82 - [((tries<2))] (7:0:2 - 1)
		IfNotBlocked
		reached[0][1] = 1;
		if (!((((int)((P0 *)_this)->tries)<2)))
			continue;
		/* merge: tries = (tries+1)(7, 2, 7) */
		reached[0][2] = 1;
		(trpt+1)->bup.ovals = grab_ints(2);
		(trpt+1)->bup.ovals[0] = ((int)((P0 *)_this)->tries);
		((P0 *)_this)->tries = (((int)((P0 *)_this)->tries)+1);
#ifdef VAR_RANGES
		logval("Worker:tries", ((int)((P0 *)_this)->tries));
#endif
		;
		/* merge: .(goto)(7, 5, 7) */
		reached[0][5] = 1;
		;
		/* merge: mine = 9(7, 6, 7) */
		reached[0][6] = 1;
		(trpt+1)->bup.ovals[1] = ((int)((P0 *)_this)->mine);
		((P0 *)_this)->mine = 9;
#ifdef VAR_RANGES
		logval("Worker:mine", ((int)((P0 *)_this)->mine));
#endif
		;
		_m = 3; goto P999; /* 3 */
	case 133: // STATE 6 - requests.pml:85 - [mine = 9] (0:7:1 - 2)
		IfNotBlocked
		reached[0][6] = 1;
		(trpt+1)->bup.oval = ((int)((P0 *)_this)->mine);
		((P0 *)_this)->mine = 9;
#ifdef VAR_RANGES
		logval("Worker:mine", ((int)((P0 *)_this)->mine));
#endif
		;
		_m = 3; goto P999; /* 0 */
	case 134: // STATE 7 - requests.pml:86 - [seen = boot] (0:0:1 - 1)
		IfNotBlocked
		reached[0][7] = 1;
		(trpt+1)->bup.oval = ((int)((P0 *)_this)->seen);
		((P0 *)_this)->seen = ((int)now.boot);
#ifdef VAR_RANGES
		logval("Worker:seen", ((int)((P0 *)_this)->seen));
#endif
		;
		_m = 3; goto P999; /* 0 */
	case 135: // STATE 8 - requests.pml:87 - [(((awaited&(1<<w))==0))] (0:0:0 - 1)
		IfNotBlocked
		reached[0][8] = 1;
		if (!(((((int)now.awaited)&(1<<((int)((P0 *)_this)->w)))==0)))
			continue;
		_m = 3; goto P999; /* 0 */
	case 136: // STATE 9 - requests.pml:88 - [up[w]!SUBMIT,9] (0:0:0 - 1)
		IfNotBlocked
		reached[0][9] = 1;
		if (q_full(now.up[ Index(((int)((P0 *)_this)->w), 2) ]))
			continue;
#ifdef HAS_CODE
		if (readtrail && gui) {
			char simtmp[64];
			sprintf(simvals, "%d!", now.up[ Index(((int)((P0 *)_this)->w), 2) ]);
		sprintf(simtmp, "%d", 19); strcat(simvals, simtmp);		strcat(simvals, ",");
		sprintf(simtmp, "%d", 9); strcat(simvals, simtmp);		}
#endif
		
		qsend(now.up[ Index(((int)((P0 *)_this)->w), 2) ], 0, 19, 9, 2);
		_m = 2; goto P999; /* 0 */
	case 137: // STATE 10 - requests.pml:91 - [(((seen==boot)&&nempty(down[w])))] (0:0:0 - 1)
		IfNotBlocked
		reached[0][10] = 1;
		if (!(((((int)((P0 *)_this)->seen)==((int)now.boot))&&(q_len(now.down[ Index(((int)((P0 *)_this)->w), 2) ])>0))))
			continue;
		_m = 3; goto P999; /* 0 */
	case 138: // STATE 11 - requests.pml:91 - [down[w]?what,r] (0:0:2 - 1)
		reached[0][11] = 1;
		if (q_len(now.down[ Index(((int)((P0 *)_this)->w), 2) ]) == 0) continue;

		XX=1;
		(trpt+1)->bup.ovals = grab_ints(2);
		(trpt+1)->bup.ovals[0] = ((P0 *)_this)->what;
		(trpt+1)->bup.ovals[1] = ((int)((P0 *)_this)->r);
		;
		((P0 *)_this)->what = qrecv(now.down[ Index(((int)((P0 *)_this)->w), 2) ], XX-1, 0, 0);
#ifdef VAR_RANGES
		logval("Worker:what", ((P0 *)_this)->what);
#endif
		;
		((P0 *)_this)->r = qrecv(now.down[ Index(((int)((P0 *)_this)->w), 2) ], XX-1, 1, 1);
#ifdef VAR_RANGES
		logval("Worker:r", ((int)((P0 *)_this)->r));
#endif
		;
		
#ifdef HAS_CODE
		if (readtrail && gui) {
			char simtmp[32];
			sprintf(simvals, "%d?", now.down[ Index(((int)((P0 *)_this)->w), 2) ]);
		sprintf(simtmp, "%d", ((P0 *)_this)->what); strcat(simvals, simtmp);		strcat(simvals, ",");
		sprintf(simtmp, "%d", ((int)((P0 *)_this)->r)); strcat(simvals, simtmp);		}
#endif
		;
		_m = 4; goto P999; /* 0 */
	case 139: // STATE 13 - requests.pml:93 - [((what==SUBMITTED))] (45:0:2 - 1)
		IfNotBlocked
		reached[0][13] = 1;
		if (!((((P0 *)_this)->what==14)))
			continue;
		if (TstOnly) return 1; /* TT */
		/* dead 1: what */  (trpt+1)->bup.ovals = grab_ints(2);
		(trpt+1)->bup.ovals[0] = ((P0 *)_this)->what;
#ifdef HAS_CODE
		if (!readtrail)
#endif
			((P0 *)_this)->what = 0;
		/* merge: mine = r(0, 14, 45) */
		reached[0][14] = 1;
		(trpt+1)->bup.ovals[1] = ((int)((P0 *)_this)->mine);
		((P0 *)_this)->mine = ((int)((P0 *)_this)->r);
#ifdef VAR_RANGES
		logval("Worker:mine", ((int)((P0 *)_this)->mine));
#endif
		;
		/* merge: goto waiting(0, 15, 45) */
		reached[0][15] = 1;
		;
		_m = 3; goto P999; /* 2 */
	case 140: // STATE 16 - requests.pml:94 - [((what==APPROVED))] (64:0:2 - 1)
		IfNotBlocked
		reached[0][16] = 1;
		if (!((((P0 *)_this)->what==13)))
			continue;
		if (TstOnly) return 1; /* TT */
		/* dead 1: what */  (trpt+1)->bup.ovals = grab_ints(2);
		(trpt+1)->bup.ovals[0] = ((P0 *)_this)->what;
#ifdef HAS_CODE
		if (!readtrail)
#endif
			((P0 *)_this)->what = 0;
		/* merge: mine = r(0, 17, 64) */
		reached[0][17] = 1;
		(trpt+1)->bup.ovals[1] = ((int)((P0 *)_this)->mine);
		((P0 *)_this)->mine = ((int)((P0 *)_this)->r);
#ifdef VAR_RANGES
		logval("Worker:mine", ((int)((P0 *)_this)->mine));
#endif
		;
		/* merge: goto claiming(0, 18, 64) */
		reached[0][18] = 1;
		;
		_m = 3; goto P999; /* 2 */
	case 141: // STATE 19 - requests.pml:95 - [((what==ENDED))] (0:0:1 - 1)
		IfNotBlocked
		reached[0][19] = 1;
		if (!((((P0 *)_this)->what==11)))
			continue;
		if (TstOnly) return 1; /* TT */
		/* dead 1: what */  (trpt+1)->bup.oval = ((P0 *)_this)->what;
#ifdef HAS_CODE
		if (!readtrail)
#endif
			((P0 *)_this)->what = 0;
		_m = 3; goto P999; /* 0 */
	case 142: // STATE 22 - requests.pml:96 - [assert(0)] (0:0:0 - 1)
		IfNotBlocked
		reached[0][22] = 1;
		spin_assert(0, "0", II, tt, t);
		_m = 3; goto P999; /* 0 */
	case 143: // STATE 25 - requests.pml:98 - [(((seen==boot)&&(mine!=9)))] (0:0:0 - 1)
		IfNotBlocked
		reached[0][25] = 1;
		if (!(((((int)((P0 *)_this)->seen)==((int)now.boot))&&(((int)((P0 *)_this)->mine)!=9))))
			continue;
		_m = 3; goto P999; /* 0 */
	case 144: // STATE 26 - requests.pml:98 - [up[w]!WITHDRAW,mine] (0:0:0 - 1)
		IfNotBlocked
		reached[0][26] = 1;
		if (q_full(now.up[ Index(((int)((P0 *)_this)->w), 2) ]))
			continue;
#ifdef HAS_CODE
		if (readtrail && gui) {
			char simtmp[64];
			sprintf(simvals, "%d!", now.up[ Index(((int)((P0 *)_this)->w), 2) ]);
		sprintf(simtmp, "%d", 18); strcat(simvals, simtmp);		strcat(simvals, ",");
		sprintf(simtmp, "%d", ((int)((P0 *)_this)->mine)); strcat(simvals, simtmp);		}
#endif
		
		qsend(now.up[ Index(((int)((P0 *)_this)->w), 2) ], 0, 18, ((int)((P0 *)_this)->mine), 2);
		_m = 2; goto P999; /* 0 */
	case 145: // STATE 28 - requests.pml:99 - [((seen!=boot))] (0:0:1 - 1)
		IfNotBlocked
		reached[0][28] = 1;
		if (!((((int)((P0 *)_this)->seen)!=((int)now.boot))))
			continue;
		if (TstOnly) return 1; /* TT */
		/* dead 1: seen */  (trpt+1)->bup.oval = ((P0 *)_this)->seen;
#ifdef HAS_CODE
		if (!readtrail)
#endif
			((P0 *)_this)->seen = 0;
		_m = 3; goto P999; /* 0 */
	case 146: // STATE 29 - requests.pml:100 - [seen = boot] (0:40:2 - 1)
		IfNotBlocked
		reached[0][29] = 1;
		(trpt+1)->bup.ovals = grab_ints(2);
		(trpt+1)->bup.ovals[0] = ((int)((P0 *)_this)->seen);
		((P0 *)_this)->seen = ((int)now.boot);
#ifdef VAR_RANGES
		logval("Worker:seen", ((int)((P0 *)_this)->seen));
#endif
		;
		/* merge: awaited = (awaited&~((1<<w)))(40, 30, 40) */
		reached[0][30] = 1;
		(trpt+1)->bup.ovals[1] = ((int)now.awaited);
		now.awaited = (((int)now.awaited)& ~((1<<((int)((P0 *)_this)->w))));
#ifdef VAR_RANGES
		logval("awaited", ((int)now.awaited));
#endif
		;
		_m = 3; goto P999; /* 1 */
	case 147: // STATE 31 - requests.pml:103 - [((((mine!=9)&&(holder[mine]==w))&&((state[mine]==pending)||(state[mine]==approved))))] (0:0:0 - 1)
		IfNotBlocked
		reached[0][31] = 1;
		if (!((((((int)((P0 *)_this)->mine)!=9)&&(((int)now.holder[ Index(((int)((P0 *)_this)->mine), 3) ])==((int)((P0 *)_this)->w)))&&((now.state[ Index(((int)((P0 *)_this)->mine), 3) ]==9)||(now.state[ Index(((int)((P0 *)_this)->mine), 3) ]==8)))))
			continue;
		_m = 3; goto P999; /* 0 */
	case 148: // STATE 32 - requests.pml:105 - [((state[mine]==approved))] (64:0:0 - 1)
		IfNotBlocked
		reached[0][32] = 1;
		if (!((now.state[ Index(((int)((P0 *)_this)->mine), 3) ]==8)))
			continue;
		/* merge: goto claiming(0, 33, 64) */
		reached[0][33] = 1;
		;
		_m = 3; goto P999; /* 1 */
	case 149: // STATE 41 - requests.pml:109 - [.(goto)] (0:62:0 - 1)
		IfNotBlocked
		reached[0][41] = 1;
		;
		/* merge: .(goto)(0, 46, 62) */
		reached[0][46] = 1;
		;
		_m = 3; goto P999; /* 1 */
	case 150: // STATE 43 - requests.pml:110 - [((worker_stops<1))] (0:0:0 - 1)
		IfNotBlocked
		reached[0][43] = 1;
		if (!((((int)now.worker_stops)<1)))
			continue;
		_m = 3; goto P999; /* 0 */
	case 151: // STATE 47 - requests.pml:114 - [(((seen==boot)&&nempty(down[w])))] (0:0:0 - 1)
		IfNotBlocked
		reached[0][47] = 1;
		if (!(((((int)((P0 *)_this)->seen)==((int)now.boot))&&(q_len(now.down[ Index(((int)((P0 *)_this)->w), 2) ])>0))))
			continue;
		_m = 3; goto P999; /* 0 */
	case 152: // STATE 48 - requests.pml:114 - [down[w]?what,r] (0:0:2 - 1)
		reached[0][48] = 1;
		if (q_len(now.down[ Index(((int)((P0 *)_this)->w), 2) ]) == 0) continue;

		XX=1;
		(trpt+1)->bup.ovals = grab_ints(2);
		(trpt+1)->bup.ovals[0] = ((P0 *)_this)->what;
		(trpt+1)->bup.ovals[1] = ((int)((P0 *)_this)->r);
		;
		((P0 *)_this)->what = qrecv(now.down[ Index(((int)((P0 *)_this)->w), 2) ], XX-1, 0, 0);
#ifdef VAR_RANGES
		logval("Worker:what", ((P0 *)_this)->what);
#endif
		;
		((P0 *)_this)->r = qrecv(now.down[ Index(((int)((P0 *)_this)->w), 2) ], XX-1, 1, 1);
#ifdef VAR_RANGES
		logval("Worker:r", ((int)((P0 *)_this)->r));
#endif
		;
		
#ifdef HAS_CODE
		if (readtrail && gui) {
			char simtmp[32];
			sprintf(simvals, "%d?", now.down[ Index(((int)((P0 *)_this)->w), 2) ]);
		sprintf(simtmp, "%d", ((P0 *)_this)->what); strcat(simvals, simtmp);		strcat(simvals, ",");
		sprintf(simtmp, "%d", ((int)((P0 *)_this)->r)); strcat(simvals, simtmp);		}
#endif
		;
		_m = 4; goto P999; /* 0 */
	case 153: // STATE 50 - requests.pml:116 - [((what==CLAIMED))] (0:0:1 - 1)
		IfNotBlocked
		reached[0][50] = 1;
		if (!((((P0 *)_this)->what==12)))
			continue;
		if (TstOnly) return 1; /* TT */
		/* dead 1: what */  (trpt+1)->bup.oval = ((P0 *)_this)->what;
#ifdef HAS_CODE
		if (!readtrail)
#endif
			((P0 *)_this)->what = 0;
		_m = 3; goto P999; /* 0 */
	case 154: // STATE 51 - requests.pml:116 - [up[w]!NOT_RUN,r] (0:0:0 - 1)
		IfNotBlocked
		reached[0][51] = 1;
		if (q_full(now.up[ Index(((int)((P0 *)_this)->w), 2) ]))
			continue;
#ifdef HAS_CODE
		if (readtrail && gui) {
			char simtmp[64];
			sprintf(simvals, "%d!", now.up[ Index(((int)((P0 *)_this)->w), 2) ]);
		sprintf(simtmp, "%d", 15); strcat(simvals, simtmp);		strcat(simvals, ",");
		sprintf(simtmp, "%d", ((int)((P0 *)_this)->r)); strcat(simvals, simtmp);		}
#endif
		
		qsend(now.up[ Index(((int)((P0 *)_this)->w), 2) ], 0, 15, ((int)((P0 *)_this)->r), 2);
		_m = 2; goto P999; /* 0 */
	case 155: // STATE 53 - requests.pml:117 - [((what==ENDED))] (0:0:1 - 1)
		IfNotBlocked
		reached[0][53] = 1;
		if (!((((P0 *)_this)->what==11)))
			continue;
		if (TstOnly) return 1; /* TT */
		/* dead 1: what */  (trpt+1)->bup.oval = ((P0 *)_this)->what;
#ifdef HAS_CODE
		if (!readtrail)
#endif
			((P0 *)_this)->what = 0;
		_m = 3; goto P999; /* 0 */
	case 156: // STATE 59 - requests.pml:120 - [((seen!=boot))] (0:0:1 - 1)
		IfNotBlocked
		reached[0][59] = 1;
		if (!((((int)((P0 *)_this)->seen)!=((int)now.boot))))
			continue;
		if (TstOnly) return 1; /* TT */
		/* dead 1: seen */  (trpt+1)->bup.oval = ((P0 *)_this)->seen;
#ifdef HAS_CODE
		if (!readtrail)
#endif
			((P0 *)_this)->seen = 0;
		_m = 3; goto P999; /* 0 */
	case 157: // STATE 60 - requests.pml:120 - [awaited = (awaited&~((1<<w)))] (0:0:1 - 1)
		IfNotBlocked
		reached[0][60] = 1;
		(trpt+1)->bup.oval = ((int)now.awaited);
		now.awaited = (((int)now.awaited)& ~((1<<((int)((P0 *)_this)->w))));
#ifdef VAR_RANGES
		logval("awaited", ((int)now.awaited));
#endif
		;
		_m = 3; goto P999; /* 0 */
	case 158: // STATE 64 - requests.pml:123 - [up[w]!CLAIM,mine] (0:0:0 - 5)
		IfNotBlocked
		reached[0][64] = 1;
		if (q_full(now.up[ Index(((int)((P0 *)_this)->w), 2) ]))
			continue;
#ifdef HAS_CODE
		if (readtrail && gui) {
			char simtmp[64];
			sprintf(simvals, "%d!", now.up[ Index(((int)((P0 *)_this)->w), 2) ]);
		sprintf(simtmp, "%d", 17); strcat(simvals, simtmp);		strcat(simvals, ",");
		sprintf(simtmp, "%d", ((int)((P0 *)_this)->mine)); strcat(simvals, simtmp);		}
#endif
		
		qsend(now.up[ Index(((int)((P0 *)_this)->w), 2) ], 0, 17, ((int)((P0 *)_this)->mine), 2);
		_m = 2; goto P999; /* 0 */
	case 159: // STATE 65 - requests.pml:125 - [(((seen==boot)&&nempty(down[w])))] (0:0:0 - 1)
		IfNotBlocked
		reached[0][65] = 1;
		if (!(((((int)((P0 *)_this)->seen)==((int)now.boot))&&(q_len(now.down[ Index(((int)((P0 *)_this)->w), 2) ])>0))))
			continue;
		_m = 3; goto P999; /* 0 */
	case 160: // STATE 66 - requests.pml:125 - [down[w]?what,r] (0:0:3 - 1)
		reached[0][66] = 1;
		if (q_len(now.down[ Index(((int)((P0 *)_this)->w), 2) ]) == 0) continue;

		XX=1;
		(trpt+1)->bup.ovals = grab_ints(3);
		(trpt+1)->bup.ovals[0] = ((P0 *)_this)->what;
		(trpt+1)->bup.ovals[1] = ((int)((P0 *)_this)->r);
		;
		((P0 *)_this)->what = qrecv(now.down[ Index(((int)((P0 *)_this)->w), 2) ], XX-1, 0, 0);
#ifdef VAR_RANGES
		logval("Worker:what", ((P0 *)_this)->what);
#endif
		;
		((P0 *)_this)->r = qrecv(now.down[ Index(((int)((P0 *)_this)->w), 2) ], XX-1, 1, 1);
#ifdef VAR_RANGES
		logval("Worker:r", ((int)((P0 *)_this)->r));
#endif
		;
		
#ifdef HAS_CODE
		if (readtrail && gui) {
			char simtmp[32];
			sprintf(simvals, "%d?", now.down[ Index(((int)((P0 *)_this)->w), 2) ]);
		sprintf(simtmp, "%d", ((P0 *)_this)->what); strcat(simvals, simtmp);		strcat(simvals, ",");
		sprintf(simtmp, "%d", ((int)((P0 *)_this)->r)); strcat(simvals, simtmp);		}
#endif
		;
		if (TstOnly) return 1; /* TT */
		/* dead 2: r */  (trpt+1)->bup.ovals[2] = ((P0 *)_this)->r;
#ifdef HAS_CODE
		if (!readtrail)
#endif
			((P0 *)_this)->r = 0;
		_m = 4; goto P999; /* 0 */
	case 161: // STATE 68 - requests.pml:127 - [((what==CLAIMED))] (0:0:1 - 1)
		IfNotBlocked
		reached[0][68] = 1;
		if (!((((P0 *)_this)->what==12)))
			continue;
		if (TstOnly) return 1; /* TT */
		/* dead 1: what */  (trpt+1)->bup.oval = ((P0 *)_this)->what;
#ifdef HAS_CODE
		if (!readtrail)
#endif
			((P0 *)_this)->what = 0;
		_m = 3; goto P999; /* 0 */
	case 162: // STATE 70 - requests.pml:128 - [((what==ENDED))] (0:0:1 - 1)
		IfNotBlocked
		reached[0][70] = 1;
		if (!((((P0 *)_this)->what==11)))
			continue;
		if (TstOnly) return 1; /* TT */
		/* dead 1: what */  (trpt+1)->bup.oval = ((P0 *)_this)->what;
#ifdef HAS_CODE
		if (!readtrail)
#endif
			((P0 *)_this)->what = 0;
		_m = 3; goto P999; /* 0 */
	case 163: // STATE 73 - requests.pml:129 - [assert(0)] (0:0:0 - 1)
		IfNotBlocked
		reached[0][73] = 1;
		spin_assert(0, "0", II, tt, t);
		_m = 3; goto P999; /* 0 */
	case 164: // STATE 76 - requests.pml:131 - [((seen!=boot))] (0:0:1 - 1)
		IfNotBlocked
		reached[0][76] = 1;
		if (!((((int)((P0 *)_this)->seen)!=((int)now.boot))))
			continue;
		if (TstOnly) return 1; /* TT */
		/* dead 1: seen */  (trpt+1)->bup.oval = ((P0 *)_this)->seen;
#ifdef HAS_CODE
		if (!readtrail)
#endif
			((P0 *)_this)->seen = 0;
		_m = 3; goto P999; /* 0 */
	case 165: // STATE 77 - requests.pml:132 - [seen = boot] (0:85:3 - 1)
		IfNotBlocked
		reached[0][77] = 1;
		(trpt+1)->bup.ovals = grab_ints(3);
		(trpt+1)->bup.ovals[0] = ((int)((P0 *)_this)->seen);
		((P0 *)_this)->seen = ((int)now.boot);
#ifdef VAR_RANGES
		logval("Worker:seen", ((int)((P0 *)_this)->seen));
#endif
		;
		if (TstOnly) return 1; /* TT */
		/* dead 2: seen */  
#ifdef HAS_CODE
		if (!readtrail)
#endif
			((P0 *)_this)->seen = 0;
		/* merge: awaited = (awaited&~((1<<w)))(85, 78, 85) */
		reached[0][78] = 1;
		(trpt+1)->bup.ovals[1] = ((int)now.awaited);
		now.awaited = (((int)now.awaited)& ~((1<<((int)((P0 *)_this)->w))));
#ifdef VAR_RANGES
		logval("awaited", ((int)now.awaited));
#endif
		;
		_m = 3; goto P999; /* 1 */
	case 166: // STATE 79 - requests.pml:138 - [(((state[mine]==running)&&(holder[mine]==w)))] (4:0:1 - 1)
		IfNotBlocked
		reached[0][79] = 1;
		if (!(((now.state[ Index(((int)((P0 *)_this)->mine), 3) ]==7)&&(((int)now.holder[ Index(((int)((P0 *)_this)->mine), 3) ])==((int)((P0 *)_this)->w)))))
			continue;
		/* merge: state[mine] = failed(4, 80, 4) */
		reached[0][80] = 1;
		(trpt+1)->bup.oval = now.state[ Index(((int)((P0 *)_this)->mine), 3) ];
		now.state[ Index(((P0 *)_this)->mine, 3) ] = 5;
#ifdef VAR_RANGES
		logval("state[Worker:mine]", now.state[ Index(((int)((P0 *)_this)->mine), 3) ]);
#endif
		;
		/* merge: .(goto)(4, 86, 4) */
		reached[0][86] = 1;
		;
		/* merge: goto again(4, 87, 4) */
		reached[0][87] = 1;
		;
		_m = 3; goto P999; /* 3 */
	case 167: // STATE 86 - requests.pml:142 - [.(goto)] (0:4:0 - 3)
		IfNotBlocked
		reached[0][86] = 1;
		;
		/* merge: goto again(4, 87, 4) */
		reached[0][87] = 1;
		;
		_m = 3; goto P999; /* 1 */
	case 168: // STATE 81 - requests.pml:139 - [(((state[mine]==approved)&&(holder[mine]==w)))] (4:0:2 - 1)
		IfNotBlocked
		reached[0][81] = 1;
		if (!(((now.state[ Index(((int)((P0 *)_this)->mine), 3) ]==8)&&(((int)now.holder[ Index(((int)((P0 *)_this)->mine), 3) ])==((int)((P0 *)_this)->w)))))
			continue;
		/* merge: state[mine] = withdrawn(4, 82, 4) */
		reached[0][82] = 1;
		(trpt+1)->bup.ovals = grab_ints(2);
		(trpt+1)->bup.ovals[0] = now.state[ Index(((int)((P0 *)_this)->mine), 3) ];
		now.state[ Index(((P0 *)_this)->mine, 3) ] = 1;
#ifdef VAR_RANGES
		logval("state[Worker:mine]", now.state[ Index(((int)((P0 *)_this)->mine), 3) ]);
#endif
		;
		/* merge: counts_on[mine] = 0(4, 83, 4) */
		reached[0][83] = 1;
		(trpt+1)->bup.ovals[1] = ((int)now.counts_on[ Index(((int)((P0 *)_this)->mine), 3) ]);
		now.counts_on[ Index(((P0 *)_this)->mine, 3) ] = 0;
#ifdef VAR_RANGES
		logval("counts_on[Worker:mine]", ((int)now.counts_on[ Index(((int)((P0 *)_this)->mine), 3) ]));
#endif
		;
		/* merge: .(goto)(4, 86, 4) */
		reached[0][86] = 1;
		;
		/* merge: goto again(4, 87, 4) */
		reached[0][87] = 1;
		;
		_m = 3; goto P999; /* 4 */
	case 169: // STATE 89 - requests.pml:143 - [((worker_stops<1))] (0:0:0 - 1)
		IfNotBlocked
		reached[0][89] = 1;
		if (!((((int)now.worker_stops)<1)))
			continue;
		_m = 3; goto P999; /* 0 */
	case 170: // STATE 96 - requests.pml:70 - [D_STEP70]
		/* default 258 */
		

		reached[0][96] = 1;
		reached[0][t->st] = 1;
		reached[0][tt] = 1;

		if (TstOnly) return 1;

		sv_save();
		S_092_0: /* 2 */
		spin_assert(((int)now.recorded[ Index(((int)((P0 *)_this)->mine), 3) ]), "recorded[mine]", II, tt, t);
S_093_0: /* 2 */
		now.runs[ Index(((P0 *)_this)->mine, 3) ] = (((int)now.runs[ Index(((int)((P0 *)_this)->mine), 3) ])+1);
#ifdef VAR_RANGES
		logval("runs[Worker:mine]", ((int)now.runs[ Index(((int)((P0 *)_this)->mine), 3) ]));
#endif
		;
S_094_0: /* 2 */
		spin_assert((((int)now.runs[ Index(((int)((P0 *)_this)->mine), 3) ])<=1), "(runs[mine]<=1)", II, tt, t);
		goto S_100_0;
S_100_0: /* 1 */

#if defined(C_States) && (HAS_TRACK==1)
		c_update((uchar *) &(now.c_state[0]));
#endif
		_m = 3; goto P999;

	case 171: // STATE 98 - requests.pml:148 - [((worker_stops<1))] (0:0:0 - 1)
		IfNotBlocked
		reached[0][98] = 1;
		if (!((((int)now.worker_stops)<1)))
			continue;
		_m = 3; goto P999; /* 0 */
	case 172: // STATE 103 - requests.pml:152 - [((seen==boot))] (0:0:1 - 1)
		IfNotBlocked
		reached[0][103] = 1;
		if (!((((int)((P0 *)_this)->seen)==((int)now.boot))))
			continue;
		if (TstOnly) return 1; /* TT */
		/* dead 1: seen */  (trpt+1)->bup.oval = ((P0 *)_this)->seen;
#ifdef HAS_CODE
		if (!readtrail)
#endif
			((P0 *)_this)->seen = 0;
		_m = 3; goto P999; /* 0 */
	case 173: // STATE 104 - requests.pml:152 - [up[w]!RESULT,mine] (0:0:0 - 1)
		IfNotBlocked
		reached[0][104] = 1;
		if (q_full(now.up[ Index(((int)((P0 *)_this)->w), 2) ]))
			continue;
#ifdef HAS_CODE
		if (readtrail && gui) {
			char simtmp[64];
			sprintf(simvals, "%d!", now.up[ Index(((int)((P0 *)_this)->w), 2) ]);
		sprintf(simtmp, "%d", 16); strcat(simvals, simtmp);		strcat(simvals, ",");
		sprintf(simtmp, "%d", ((int)((P0 *)_this)->mine)); strcat(simvals, simtmp);		}
#endif
		
		qsend(now.up[ Index(((int)((P0 *)_this)->w), 2) ], 0, 16, ((int)((P0 *)_this)->mine), 2);
		_m = 2; goto P999; /* 0 */
	case 174: // STATE 105 - requests.pml:153 - [((seen!=boot))] (0:0:1 - 1)
		IfNotBlocked
		reached[0][105] = 1;
		if (!((((int)((P0 *)_this)->seen)!=((int)now.boot))))
			continue;
		if (TstOnly) return 1; /* TT */
		/* dead 1: seen */  (trpt+1)->bup.oval = ((P0 *)_this)->seen;
#ifdef HAS_CODE
		if (!readtrail)
#endif
			((P0 *)_this)->seen = 0;
		_m = 3; goto P999; /* 0 */
	case 175: // STATE 106 - requests.pml:154 - [seen = boot] (0:111:3 - 1)
		IfNotBlocked
		reached[0][106] = 1;
		(trpt+1)->bup.ovals = grab_ints(3);
		(trpt+1)->bup.ovals[0] = ((int)((P0 *)_this)->seen);
		((P0 *)_this)->seen = ((int)now.boot);
#ifdef VAR_RANGES
		logval("Worker:seen", ((int)((P0 *)_this)->seen));
#endif
		;
		if (TstOnly) return 1; /* TT */
		/* dead 2: seen */  
#ifdef HAS_CODE
		if (!readtrail)
#endif
			((P0 *)_this)->seen = 0;
		/* merge: awaited = (awaited&~((1<<w)))(111, 107, 111) */
		reached[0][107] = 1;
		(trpt+1)->bup.ovals[1] = ((int)now.awaited);
		now.awaited = (((int)now.awaited)& ~((1<<((int)((P0 *)_this)->w))));
#ifdef VAR_RANGES
		logval("awaited", ((int)now.awaited));
#endif
		;
		_m = 3; goto P999; /* 1 */
	case 176: // STATE 108 - requests.pml:157 - [((state[mine]==running))] (4:0:1 - 1)
		IfNotBlocked
		reached[0][108] = 1;
		if (!((now.state[ Index(((int)((P0 *)_this)->mine), 3) ]==7)))
			continue;
		/* merge: state[mine] = completed(4, 109, 4) */
		reached[0][109] = 1;
		(trpt+1)->bup.oval = now.state[ Index(((int)((P0 *)_this)->mine), 3) ];
		now.state[ Index(((P0 *)_this)->mine, 3) ] = 6;
#ifdef VAR_RANGES
		logval("state[Worker:mine]", now.state[ Index(((int)((P0 *)_this)->mine), 3) ]);
#endif
		;
		/* merge: .(goto)(4, 112, 4) */
		reached[0][112] = 1;
		;
		/* merge: .(goto)(0, 115, 4) */
		reached[0][115] = 1;
		;
		/* merge: goto again(0, 116, 4) */
		reached[0][116] = 1;
		;
		_m = 3; goto P999; /* 4 */
	case 177: // STATE 112 - requests.pml:159 - [.(goto)] (0:4:0 - 2)
		IfNotBlocked
		reached[0][112] = 1;
		;
		/* merge: .(goto)(0, 115, 4) */
		reached[0][115] = 1;
		;
		/* merge: goto again(0, 116, 4) */
		reached[0][116] = 1;
		;
		_m = 3; goto P999; /* 2 */
	case 178: // STATE 117 - requests.pml:164 - [worker_stops = (worker_stops+1)] (0:0:1 - 1)
		IfNotBlocked
		reached[0][117] = 1;
		(trpt+1)->bup.oval = ((int)now.worker_stops);
		now.worker_stops = (((int)now.worker_stops)+1);
#ifdef VAR_RANGES
		logval("worker_stops", ((int)now.worker_stops));
#endif
		;
		_m = 3; goto P999; /* 0 */
	case 179: // STATE 118 - requests.pml:55 - [up[w]?_,_] (0:0:2 - 1)
		reached[0][118] = 1;
		if (q_len(now.up[ Index(((int)((P0 *)_this)->w), 2) ]) == 0) continue;

		XX=1;
		(trpt+1)->bup.ovals = grab_ints(2);
		(trpt+1)->bup.ovals[0] = qrecv(now.up[ Index(((int)((P0 *)_this)->w), 2) ], XX-1, 0, 0);
		(trpt+1)->bup.ovals[1] = qrecv(now.up[ Index(((int)((P0 *)_this)->w), 2) ], XX-1, 1, 0);
		;
		qrecv(now.up[ Index(((int)((P0 *)_this)->w), 2) ], XX-1, 0, 0);
		qrecv(now.up[ Index(((int)((P0 *)_this)->w), 2) ], XX-1, 1, 1);
		
#ifdef HAS_CODE
		if (readtrail && gui) {
			char simtmp[32];
			sprintf(simvals, "%d?", now.up[ Index(((int)((P0 *)_this)->w), 2) ]);
		sprintf(simtmp, "%d", ((int)_)); strcat(simvals, simtmp);		strcat(simvals, ",");
		sprintf(simtmp, "%d", ((int)_)); strcat(simvals, simtmp);		}
#endif
		;
		_m = 4; goto P999; /* 0 */
	case 180: // STATE 119 - requests.pml:55 - [down[w]?_,_] (0:0:2 - 1)
		reached[0][119] = 1;
		if (q_len(now.down[ Index(((int)((P0 *)_this)->w), 2) ]) == 0) continue;

		XX=1;
		(trpt+1)->bup.ovals = grab_ints(2);
		(trpt+1)->bup.ovals[0] = qrecv(now.down[ Index(((int)((P0 *)_this)->w), 2) ], XX-1, 0, 0);
		(trpt+1)->bup.ovals[1] = qrecv(now.down[ Index(((int)((P0 *)_this)->w), 2) ], XX-1, 1, 0);
		;
		qrecv(now.down[ Index(((int)((P0 *)_this)->w), 2) ], XX-1, 0, 0);
		qrecv(now.down[ Index(((int)((P0 *)_this)->w), 2) ], XX-1, 1, 1);
		
#ifdef HAS_CODE
		if (readtrail && gui) {
			char simtmp[32];
			sprintf(simvals, "%d?", now.down[ Index(((int)((P0 *)_this)->w), 2) ]);
		sprintf(simtmp, "%d", ((int)_)); strcat(simvals, simtmp);		strcat(simvals, ",");
		sprintf(simtmp, "%d", ((int)_)); strcat(simvals, simtmp);		}
#endif
		;
		_m = 4; goto P999; /* 0 */
	case 181: // STATE 120 - requests.pml:55 - [((empty(up[w])&&empty(down[w])))] (129:0:2 - 1)
		IfNotBlocked
		reached[0][120] = 1;
		if (!(((q_len(now.up[ Index(((int)((P0 *)_this)->w), 2) ])==0)&&(q_len(now.down[ Index(((int)((P0 *)_this)->w), 2) ])==0))))
			continue;
		/* merge: goto :b0(129, 121, 129) */
		reached[0][121] = 1;
		;
		/* merge: gone[w] = 1(129, 126, 129) */
		reached[0][126] = 1;
		(trpt+1)->bup.ovals = grab_ints(2);
		(trpt+1)->bup.ovals[0] = ((int)now.gone[ Index(((int)((P0 *)_this)->w), 2) ]);
		now.gone[ Index(((P0 *)_this)->w, 2) ] = 1;
#ifdef VAR_RANGES
		logval("gone[Worker:w]", ((int)now.gone[ Index(((int)((P0 *)_this)->w), 2) ]));
#endif
		;
		/* merge: awaited = (awaited&~((1<<w)))(129, 127, 129) */
		reached[0][127] = 1;
		(trpt+1)->bup.ovals[1] = ((int)now.awaited);
		now.awaited = (((int)now.awaited)& ~((1<<((int)((P0 *)_this)->w))));
#ifdef VAR_RANGES
		logval("awaited", ((int)now.awaited));
#endif
		;
		_m = 3; goto P999; /* 3 */
	case 182: // STATE 126 - requests.pml:166 - [gone[w] = 1] (0:129:2 - 3)
		IfNotBlocked
		reached[0][126] = 1;
		(trpt+1)->bup.ovals = grab_ints(2);
		(trpt+1)->bup.ovals[0] = ((int)now.gone[ Index(((int)((P0 *)_this)->w), 2) ]);
		now.gone[ Index(((P0 *)_this)->w, 2) ] = 1;
#ifdef VAR_RANGES
		logval("gone[Worker:w]", ((int)now.gone[ Index(((int)((P0 *)_this)->w), 2) ]));
#endif
		;
		/* merge: awaited = (awaited&~((1<<w)))(129, 127, 129) */
		reached[0][127] = 1;
		(trpt+1)->bup.ovals[1] = ((int)now.awaited);
		now.awaited = (((int)now.awaited)& ~((1<<((int)((P0 *)_this)->w))));
#ifdef VAR_RANGES
		logval("awaited", ((int)now.awaited));
#endif
		;
		_m = 3; goto P999; /* 1 */
	case 183: // STATE 129 - requests.pml:169 - [(!(gone[w]))] (0:0:0 - 1)
		IfNotBlocked
		reached[0][129] = 1;
		if (!( !(((int)now.gone[ Index(((int)((P0 *)_this)->w), 2) ]))))
			continue;
		_m = 3; goto P999; /* 0 */
	case 184: // STATE 131 - requests.pml:172 - [done = (done+1)] (0:0:1 - 1)
		IfNotBlocked
		reached[0][131] = 1;
		(trpt+1)->bup.oval = ((int)now.done);
		now.done = (((int)now.done)+1);
#ifdef VAR_RANGES
		logval("done", ((int)now.done));
#endif
		;
		_m = 3; goto P999; /* 0 */
	case 185: // STATE 132 - requests.pml:175 - [(((awaited&(1<<w))!=0))] (0:0:0 - 1)
		IfNotBlocked
		reached[0][132] = 1;
		if (!(((((int)now.awaited)&(1<<((int)((P0 *)_this)->w)))!=0)))
			continue;
		_m = 3; goto P999; /* 0 */
	case 186: // STATE 133 - requests.pml:175 - [awaited = (awaited&~((1<<w)))] (0:0:1 - 1)
		IfNotBlocked
		reached[0][133] = 1;
		(trpt+1)->bup.oval = ((int)now.awaited);
		now.awaited = (((int)now.awaited)& ~((1<<((int)((P0 *)_this)->w))));
#ifdef VAR_RANGES
		logval("awaited", ((int)now.awaited));
#endif
		;
		_m = 3; goto P999; /* 0 */
	case 187: // STATE 134 - requests.pml:176 - [(((done==2)&&(awaited==0)))] (0:0:0 - 1)
		IfNotBlocked
		reached[0][134] = 1;
		if (!(((((int)now.done)==2)&&(((int)now.awaited)==0))))
			continue;
		_m = 3; goto P999; /* 0 */
	case 188: // STATE 139 - requests.pml:178 - [-end-] (0:0:0 - 3)
		IfNotBlocked
		reached[0][139] = 1;
		if (!delproc(1, II)) continue;
		_m = 3; goto P999; /* 0 */
	case  _T5:	/* np_ */
		if (!((!(trpt->o_pm&4) && !(trpt->tau&128))))
			continue;
		/* else fall through */
	case  _T2:	/* true */
		_m = 3; goto P999;
#undef rand
	}

