	switch (t->back) {
	default: Uerror("bad return move");
	case  0: goto R999; /* nothing to undo */

		 /* PROC :init: */

	case 3: // STATE 1
		;
		now.boot = trpt->bup.oval;
		;
		goto R999;

	case 4: // STATE 2
		;
		;
		delproc(0, now._nr_pr-1);
		;
		goto R999;

	case 5: // STATE 3
		;
		;
		delproc(0, now._nr_pr-1);
		;
		goto R999;

	case 6: // STATE 4
		;
		;
		delproc(0, now._nr_pr-1);
		;
		goto R999;

	case 7: // STATE 6
		;
		p_restor(II);
		;
		;
		goto R999;

		 /* PROC Broker */
;
		;
			case 9: // STATE 21
		sv_restor();
		goto R999;
	case 10: // STATE 42
		sv_restor();
		goto R999;

	case 11: // STATE 44
		;
		now.awaited = trpt->bup.oval;
		;
		goto R999;
;
		;
			case 13: // STATE 65
		sv_restor();
		goto R999;

	case 14: // STATE 67
		;
		now.gone[0] = trpt->bup.oval;
		;
		goto R999;
;
		;
			case 16: // STATE 88
		sv_restor();
		goto R999;

	case 17: // STATE 90
		;
		now.gone[1] = trpt->bup.oval;
		;
		goto R999;
;
		;
		
	case 19: // STATE 93
		;
		((P1 *)_this)->w = trpt->bup.ovals[2];
		XX = 1;
		unrecv(now.up[0], XX-1, 0, ((P1 *)_this)->what, 1);
		unrecv(now.up[0], XX-1, 1, ((int)((P1 *)_this)->r), 0);
		((P1 *)_this)->what = trpt->bup.ovals[0];
		((P1 *)_this)->r = trpt->bup.ovals[1];
		;
		;
		ungrab_ints(trpt->bup.ovals, 3);
		goto R999;
;
		;
		
	case 21: // STATE 98
		;
		((P1 *)_this)->w = trpt->bup.ovals[2];
		XX = 1;
		unrecv(now.up[1], XX-1, 0, ((P1 *)_this)->what, 1);
		unrecv(now.up[1], XX-1, 1, ((int)((P1 *)_this)->r), 0);
		((P1 *)_this)->what = trpt->bup.ovals[0];
		((P1 *)_this)->r = trpt->bup.ovals[1];
		;
		;
		ungrab_ints(trpt->bup.ovals, 3);
		goto R999;

	case 22: // STATE 102
		;
		now.votes = trpt->bup.oval;
		;
		goto R999;

	case 23: // STATE 104
		;
		((P1 *)_this)->r = trpt->bup.oval;
		;
		goto R999;
;
		
	case 24: // STATE 110
		goto R999;

	case 25: // STATE 106
		;
		((P1 *)_this)->r = trpt->bup.oval;
		;
		goto R999;

	case 26: // STATE 108
		;
		((P1 *)_this)->r = trpt->bup.oval;
		;
		goto R999;
;
		;
		
	case 28: // STATE 114
		;
		now.votes = trpt->bup.oval;
		;
		goto R999;

	case 29: // STATE 115
		;
		now.revoked = trpt->bup.oval;
		;
		goto R999;

	case 30: // STATE 118
		;
		((P1 *)_this)->r = trpt->bup.oval;
		;
		goto R999;

	case 31: // STATE 122
		;
		((P1 *)_this)->r = trpt->bup.oval;
		;
		goto R999;

	case 32: // STATE 126
		;
		((P1 *)_this)->r = trpt->bup.oval;
		;
		goto R999;
;
		;
		;
		;
		;
		;
			case 36: // STATE 148
		sv_restor();
		goto R999;

	case 37: // STATE 149
		;
		((P1 *)_this)->w = trpt->bup.oval;
		;
		goto R999;
;
		;
		
	case 39: // STATE 151
		;
	/* 0 */	((P1 *)_this)->w = trpt->bup.oval;
		;
		;
		goto R999;
;
		;
		
	case 41: // STATE 154
		;
		_m = unsend(now.down[ Index(((int)((P1 *)_this)->w), 2) ]);
		;
		goto R999;
;
		;
			case 43: // STATE 167
		sv_restor();
		goto R999;

	case 44: // STATE 168
		;
		((P1 *)_this)->w = trpt->bup.oval;
		;
		goto R999;
;
		;
		
	case 46: // STATE 170
		;
	/* 0 */	((P1 *)_this)->w = trpt->bup.oval;
		;
		;
		goto R999;
;
		;
		
	case 48: // STATE 173
		;
		_m = unsend(now.down[ Index(((int)((P1 *)_this)->w), 2) ]);
		;
		goto R999;
;
		;
		;
		;
			case 51: // STATE 190
		sv_restor();
		goto R999;

	case 52: // STATE 191
		;
		((P1 *)_this)->w = trpt->bup.oval;
		;
		goto R999;
;
		;
		
	case 54: // STATE 193
		;
	/* 0 */	((P1 *)_this)->w = trpt->bup.oval;
		;
		;
		goto R999;
;
		;
		
	case 56: // STATE 196
		;
		_m = unsend(now.down[ Index(((int)((P1 *)_this)->w), 2) ]);
		;
		goto R999;
;
		;
		
	case 58: // STATE 209
		;
	/* 0 */	((P1 *)_this)->what = trpt->bup.oval;
		;
		;
		goto R999;
	case 59: // STATE 211
		sv_restor();
		goto R999;
	case 60: // STATE 227
		sv_restor();
		goto R999;

	case 61: // STATE 229
		;
	/* 0 */	((P1 *)_this)->covered = trpt->bup.oval;
		;
		;
		goto R999;
	case 62: // STATE 232
		sv_restor();
		goto R999;
;
		;
		
	case 64: // STATE 234
		;
	/* 0 */	((P1 *)_this)->w = trpt->bup.oval;
		;
		;
		goto R999;
;
		;
		
	case 66: // STATE 237
		;
		_m = unsend(now.down[ Index(((int)((P1 *)_this)->w), 2) ]);
		;
		goto R999;
;
		;
		
	case 68: // STATE 244
		;
	/* 0 */	((P1 *)_this)->w = trpt->bup.oval;
		;
		;
		goto R999;
;
		;
		
	case 70: // STATE 247
		;
		_m = unsend(now.down[ Index(((int)((P1 *)_this)->w), 2) ]);
		;
		goto R999;
;
		;
		
	case 72: // STATE 255
		;
	/* 0 */	((P1 *)_this)->covered = trpt->bup.oval;
		;
		;
		goto R999;

	case 73: // STATE 256
		;
	/* 0 */	((P1 *)_this)->w = trpt->bup.oval;
		;
		;
		goto R999;
;
		;
		
	case 75: // STATE 259
		;
		_m = unsend(now.down[ Index(((int)((P1 *)_this)->w), 2) ]);
		;
		goto R999;
;
		;
		
	case 77: // STATE 265
		;
	/* 1 */	((P1 *)_this)->open = trpt->bup.ovals[1];
	/* 0 */	((P1 *)_this)->covered = trpt->bup.ovals[0];
		;
		;
		ungrab_ints(trpt->bup.ovals, 2);
		goto R999;

	case 78: // STATE 266
		;
	/* 0 */	((P1 *)_this)->w = trpt->bup.oval;
		;
		;
		goto R999;
;
		;
		
	case 80: // STATE 269
		;
		_m = unsend(now.down[ Index(((int)((P1 *)_this)->w), 2) ]);
		;
		goto R999;
;
		;
		
	case 82: // STATE 275
		;
	/* 0 */	((P1 *)_this)->open = trpt->bup.oval;
		;
		;
		goto R999;
	case 83: // STATE 281
		sv_restor();
		goto R999;

	case 84: // STATE 282
		;
	/* 0 */	((P1 *)_this)->covered = trpt->bup.oval;
		;
		;
		goto R999;
	case 85: // STATE 286
		sv_restor();
		goto R999;

	case 86: // STATE 287
		;
	/* 0 */	((P1 *)_this)->w = trpt->bup.oval;
		;
		;
		goto R999;
;
		;
		
	case 88: // STATE 290
		;
		_m = unsend(now.down[ Index(((int)((P1 *)_this)->w), 2) ]);
		;
		goto R999;
;
		;
		
	case 90: // STATE 297
		;
	/* 0 */	((P1 *)_this)->w = trpt->bup.oval;
		;
		;
		goto R999;
;
		;
		
	case 92: // STATE 300
		;
		_m = unsend(now.down[ Index(((int)((P1 *)_this)->w), 2) ]);
		;
		goto R999;
;
		;
		
	case 94: // STATE 310
		;
	/* 0 */	((P1 *)_this)->what = trpt->bup.oval;
		;
		;
		goto R999;
;
		;
			case 96: // STATE 316
		sv_restor();
		goto R999;

	case 97: // STATE 317
		;
	/* 0 */	((P1 *)_this)->w = trpt->bup.oval;
		;
		;
		goto R999;
;
		;
		
	case 99: // STATE 320
		;
		_m = unsend(now.down[ Index(((int)((P1 *)_this)->w), 2) ]);
		;
		goto R999;
;
		;
		;
		;
			case 102: // STATE 338
		sv_restor();
		goto R999;

	case 103: // STATE 339
		;
	/* 0 */	((P1 *)_this)->w = trpt->bup.oval;
		;
		;
		goto R999;
;
		;
		
	case 105: // STATE 342
		;
		_m = unsend(now.down[ Index(((int)((P1 *)_this)->w), 2) ]);
		;
		goto R999;
;
		;
		
	case 107: // STATE 349
		;
	/* 0 */	((P1 *)_this)->w = trpt->bup.oval;
		;
		;
		goto R999;
;
		;
		
	case 109: // STATE 352
		;
		_m = unsend(now.down[ Index(((int)((P1 *)_this)->w), 2) ]);
		;
		goto R999;
;
		;
		
	case 111: // STATE 360
		;
	/* 0 */	((P1 *)_this)->what = trpt->bup.oval;
		;
		;
		goto R999;
;
		;
			case 113: // STATE 366
		sv_restor();
		goto R999;

	case 114: // STATE 370
		;
	/* 0 */	((P1 *)_this)->w = trpt->bup.oval;
		;
		;
		goto R999;
;
		;
		
	case 116: // STATE 373
		;
		_m = unsend(now.down[ Index(((int)((P1 *)_this)->w), 2) ]);
		;
		goto R999;
;
		;
		;
		;
			case 119: // STATE 388
		sv_restor();
		goto R999;

	case 120: // STATE 392
		;
		now.broker_stops = trpt->bup.oval;
		;
		goto R999;

	case 121: // STATE 393
		;
		XX = 1;
		unrecv(now.up[0], XX-1, 0, trpt->bup.ovals[0], 1);
		unrecv(now.up[0], XX-1, 1, trpt->bup.ovals[1], 0);
		;
		;
		ungrab_ints(trpt->bup.ovals, 2);
		goto R999;

	case 122: // STATE 394
		;
		XX = 1;
		unrecv(now.down[0], XX-1, 0, trpt->bup.ovals[0], 1);
		unrecv(now.down[0], XX-1, 1, trpt->bup.ovals[1], 0);
		;
		;
		ungrab_ints(trpt->bup.ovals, 2);
		goto R999;
;
		;
		
	case 124: // STATE 401
		;
		XX = 1;
		unrecv(now.up[1], XX-1, 0, trpt->bup.ovals[0], 1);
		unrecv(now.up[1], XX-1, 1, trpt->bup.ovals[1], 0);
		;
		;
		ungrab_ints(trpt->bup.ovals, 2);
		goto R999;

	case 125: // STATE 402
		;
		XX = 1;
		unrecv(now.down[1], XX-1, 0, trpt->bup.ovals[0], 1);
		unrecv(now.down[1], XX-1, 1, trpt->bup.ovals[1], 0);
		;
		;
		ungrab_ints(trpt->bup.ovals, 2);
		goto R999;

	case 126: // STATE 410
		;
		now.awaited = trpt->bup.ovals[1];
		now.boot = trpt->bup.ovals[0];
		;
		ungrab_ints(trpt->bup.ovals, 2);
		goto R999;

	case 127: // STATE 410
		;
		now.awaited = trpt->bup.ovals[1];
		now.boot = trpt->bup.ovals[0];
		;
		ungrab_ints(trpt->bup.ovals, 2);
		goto R999;
;
		;
		;
		;
		;
		;
		
	case 131: // STATE 416
		;
		p_restor(II);
		;
		;
		goto R999;

		 /* PROC Worker */

	case 132: // STATE 6
		;
		((P0 *)_this)->mine = trpt->bup.ovals[1];
		((P0 *)_this)->tries = trpt->bup.ovals[0];
		;
		ungrab_ints(trpt->bup.ovals, 2);
		goto R999;

	case 133: // STATE 6
		;
		((P0 *)_this)->mine = trpt->bup.oval;
		;
		goto R999;

	case 134: // STATE 7
		;
		((P0 *)_this)->seen = trpt->bup.oval;
		;
		goto R999;
;
		;
		
	case 136: // STATE 9
		;
		_m = unsend(now.up[ Index(((int)((P0 *)_this)->w), 2) ]);
		;
		goto R999;
;
		;
		
	case 138: // STATE 11
		;
		XX = 1;
		unrecv(now.down[ Index(((int)((P0 *)_this)->w), 2) ], XX-1, 0, ((P0 *)_this)->what, 1);
		unrecv(now.down[ Index(((int)((P0 *)_this)->w), 2) ], XX-1, 1, ((int)((P0 *)_this)->r), 0);
		((P0 *)_this)->what = trpt->bup.ovals[0];
		((P0 *)_this)->r = trpt->bup.ovals[1];
		;
		;
		ungrab_ints(trpt->bup.ovals, 2);
		goto R999;

	case 139: // STATE 14
		;
		((P0 *)_this)->mine = trpt->bup.ovals[1];
	/* 0 */	((P0 *)_this)->what = trpt->bup.ovals[0];
		;
		;
		ungrab_ints(trpt->bup.ovals, 2);
		goto R999;

	case 140: // STATE 17
		;
		((P0 *)_this)->mine = trpt->bup.ovals[1];
	/* 0 */	((P0 *)_this)->what = trpt->bup.ovals[0];
		;
		;
		ungrab_ints(trpt->bup.ovals, 2);
		goto R999;

	case 141: // STATE 19
		;
	/* 0 */	((P0 *)_this)->what = trpt->bup.oval;
		;
		;
		goto R999;
;
		;
		;
		;
		
	case 144: // STATE 26
		;
		_m = unsend(now.up[ Index(((int)((P0 *)_this)->w), 2) ]);
		;
		goto R999;

	case 145: // STATE 28
		;
	/* 0 */	((P0 *)_this)->seen = trpt->bup.oval;
		;
		;
		goto R999;

	case 146: // STATE 30
		;
		now.awaited = trpt->bup.ovals[1];
		((P0 *)_this)->seen = trpt->bup.ovals[0];
		;
		ungrab_ints(trpt->bup.ovals, 2);
		goto R999;
;
		;
		;
		
	case 148: // STATE 32
		goto R999;
;
		
	case 149: // STATE 41
		goto R999;
;
		;
		;
		;
		
	case 152: // STATE 48
		;
		XX = 1;
		unrecv(now.down[ Index(((int)((P0 *)_this)->w), 2) ], XX-1, 0, ((P0 *)_this)->what, 1);
		unrecv(now.down[ Index(((int)((P0 *)_this)->w), 2) ], XX-1, 1, ((int)((P0 *)_this)->r), 0);
		((P0 *)_this)->what = trpt->bup.ovals[0];
		((P0 *)_this)->r = trpt->bup.ovals[1];
		;
		;
		ungrab_ints(trpt->bup.ovals, 2);
		goto R999;

	case 153: // STATE 50
		;
	/* 0 */	((P0 *)_this)->what = trpt->bup.oval;
		;
		;
		goto R999;

	case 154: // STATE 51
		;
		_m = unsend(now.up[ Index(((int)((P0 *)_this)->w), 2) ]);
		;
		goto R999;

	case 155: // STATE 53
		;
	/* 0 */	((P0 *)_this)->what = trpt->bup.oval;
		;
		;
		goto R999;

	case 156: // STATE 59
		;
	/* 0 */	((P0 *)_this)->seen = trpt->bup.oval;
		;
		;
		goto R999;

	case 157: // STATE 60
		;
		now.awaited = trpt->bup.oval;
		;
		goto R999;

	case 158: // STATE 64
		;
		_m = unsend(now.up[ Index(((int)((P0 *)_this)->w), 2) ]);
		;
		goto R999;
;
		;
		
	case 160: // STATE 66
		;
	/* 0 */	((P0 *)_this)->r = trpt->bup.ovals[2];
		XX = 1;
		unrecv(now.down[ Index(((int)((P0 *)_this)->w), 2) ], XX-1, 0, ((P0 *)_this)->what, 1);
		unrecv(now.down[ Index(((int)((P0 *)_this)->w), 2) ], XX-1, 1, ((int)((P0 *)_this)->r), 0);
		((P0 *)_this)->what = trpt->bup.ovals[0];
		((P0 *)_this)->r = trpt->bup.ovals[1];
		;
		;
		ungrab_ints(trpt->bup.ovals, 3);
		goto R999;

	case 161: // STATE 68
		;
	/* 0 */	((P0 *)_this)->what = trpt->bup.oval;
		;
		;
		goto R999;

	case 162: // STATE 70
		;
	/* 0 */	((P0 *)_this)->what = trpt->bup.oval;
		;
		;
		goto R999;
;
		;
		
	case 164: // STATE 76
		;
	/* 0 */	((P0 *)_this)->seen = trpt->bup.oval;
		;
		;
		goto R999;

	case 165: // STATE 78
		;
		now.awaited = trpt->bup.ovals[1];
		((P0 *)_this)->seen = trpt->bup.ovals[0];
		;
		ungrab_ints(trpt->bup.ovals, 3);
		goto R999;

	case 166: // STATE 80
		;
		now.state[ Index(((P0 *)_this)->mine, 3) ] = trpt->bup.oval;
		;
		goto R999;
;
		
	case 167: // STATE 86
		goto R999;

	case 168: // STATE 83
		;
		now.counts_on[ Index(((P0 *)_this)->mine, 3) ] = trpt->bup.ovals[1];
		now.state[ Index(((P0 *)_this)->mine, 3) ] = trpt->bup.ovals[0];
		;
		ungrab_ints(trpt->bup.ovals, 2);
		goto R999;
;
		;
			case 170: // STATE 96
		sv_restor();
		goto R999;
;
		;
		
	case 172: // STATE 103
		;
	/* 0 */	((P0 *)_this)->seen = trpt->bup.oval;
		;
		;
		goto R999;

	case 173: // STATE 104
		;
		_m = unsend(now.up[ Index(((int)((P0 *)_this)->w), 2) ]);
		;
		goto R999;

	case 174: // STATE 105
		;
	/* 0 */	((P0 *)_this)->seen = trpt->bup.oval;
		;
		;
		goto R999;

	case 175: // STATE 107
		;
		now.awaited = trpt->bup.ovals[1];
		((P0 *)_this)->seen = trpt->bup.ovals[0];
		;
		ungrab_ints(trpt->bup.ovals, 3);
		goto R999;

	case 176: // STATE 109
		;
		now.state[ Index(((P0 *)_this)->mine, 3) ] = trpt->bup.oval;
		;
		goto R999;
;
		
	case 177: // STATE 112
		goto R999;

	case 178: // STATE 117
		;
		now.worker_stops = trpt->bup.oval;
		;
		goto R999;

	case 179: // STATE 118
		;
		XX = 1;
		unrecv(now.up[ Index(((int)((P0 *)_this)->w), 2) ], XX-1, 0, trpt->bup.ovals[0], 1);
		unrecv(now.up[ Index(((int)((P0 *)_this)->w), 2) ], XX-1, 1, trpt->bup.ovals[1], 0);
		;
		;
		ungrab_ints(trpt->bup.ovals, 2);
		goto R999;

	case 180: // STATE 119
		;
		XX = 1;
		unrecv(now.down[ Index(((int)((P0 *)_this)->w), 2) ], XX-1, 0, trpt->bup.ovals[0], 1);
		unrecv(now.down[ Index(((int)((P0 *)_this)->w), 2) ], XX-1, 1, trpt->bup.ovals[1], 0);
		;
		;
		ungrab_ints(trpt->bup.ovals, 2);
		goto R999;

	case 181: // STATE 127
		;
		now.awaited = trpt->bup.ovals[1];
		now.gone[ Index(((P0 *)_this)->w, 2) ] = trpt->bup.ovals[0];
		;
		ungrab_ints(trpt->bup.ovals, 2);
		goto R999;

	case 182: // STATE 127
		;
		now.awaited = trpt->bup.ovals[1];
		now.gone[ Index(((P0 *)_this)->w, 2) ] = trpt->bup.ovals[0];
		;
		ungrab_ints(trpt->bup.ovals, 2);
		goto R999;
;
		;
		
	case 184: // STATE 131
		;
		now.done = trpt->bup.oval;
		;
		goto R999;
;
		;
		
	case 186: // STATE 133
		;
		now.awaited = trpt->bup.oval;
		;
		goto R999;
;
		;
		
	case 188: // STATE 139
		;
		p_restor(II);
		;
		;
		goto R999;
	}

