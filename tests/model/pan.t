#ifdef PEG
struct T_SRC {
	char *fl; int ln;
} T_SRC[NTRANS];

void
tr_2_src(int m, char *file, int ln)
{	T_SRC[m].fl = file;
	T_SRC[m].ln = ln;
}

void
putpeg(int n, int m)
{	printf("%5d	trans %4d ", m, n);
	printf("%s:%d\n",
		T_SRC[n].fl, T_SRC[n].ln);
}
#endif

void
settable(void)
{	Trans *T;
	Trans *settr(int, int, int, int, int, char *, int, int, int);

	trans = (Trans ***) emalloc(4*sizeof(Trans **));

	/* proctype 2: :init: */

	trans[2] = (Trans **) emalloc(7*sizeof(Trans *));

	T = trans[ 2][5] = settr(559,2,0,0,0,"ATOMIC", 1, 2, 0);
	T->nxt	= settr(559,2,1,0,0,"ATOMIC", 1, 2, 0);
	trans[2][1]	= settr(555,2,2,3,3,"boot = 1", 1, 2, 0);
	trans[2][2]	= settr(556,2,3,4,4,"(run Broker())", 1, 2, 0);
	trans[2][3]	= settr(557,2,4,5,5,"(run Worker(0))", 1, 2, 0);
	trans[2][4]	= settr(558,0,6,6,6,"(run Worker(1))", 1, 2, 0);
	trans[2][6]	= settr(560,0,0,7,7,"-end-", 0, 3500, 0);

	/* proctype 1: Broker */

	trans[1] = (Trans **) emalloc(417*sizeof(Trans *));

	trans[1][136]	= settr(274,0,135,1,0,".(goto)", 0, 2, 0);
	T = trans[1][135] = settr(273,0,0,0,0,"DO", 0, 2, 0);
	T = T->nxt	= settr(273,0,1,0,0,"DO", 0, 2, 0);
	T = T->nxt	= settr(273,0,45,0,0,"DO", 0, 2, 0);
	T = T->nxt	= settr(273,0,68,0,0,"DO", 0, 2, 0);
	T = T->nxt	= settr(273,0,94,0,0,"DO", 0, 2, 0);
	T = T->nxt	= settr(273,0,99,0,0,"DO", 0, 2, 0);
	T = T->nxt	= settr(273,0,111,0,0,"DO", 0, 2, 0);
	T = T->nxt	= settr(273,0,113,0,0,"DO", 0, 2, 0);
	T = T->nxt	= settr(273,0,119,0,0,"DO", 0, 2, 0);
	T = T->nxt	= settr(273,0,123,0,0,"DO", 0, 2, 0);
	T = T->nxt	= settr(273,0,127,0,0,"DO", 0, 2, 0);
	T = T->nxt	= settr(273,0,129,0,0,"DO", 0, 2, 0);
	T = T->nxt	= settr(273,0,131,0,0,"DO", 0, 2, 0);
	    T->nxt	= settr(273,0,133,0,0,"DO", 0, 2, 0);
	trans[1][1]	= settr(139,0,22,8,0,"(((awaited!=0)&&timeout))", 1, 3000, 0);
	T = trans[ 1][22] = settr(160,0,0,0,0,"sub-sequence", 0, 2, 0);
	T->nxt	= settr(160,0,21,0,0,"sub-sequence", 0, 2, 0);
/*->*/	trans[1][21]	= settr(159,32,43,9,9,"D_STEP186", 1, 2, 0);
	T = trans[ 1][43] = settr(181,0,0,0,0,"sub-sequence", 0, 2, 0);
	T->nxt	= settr(181,0,42,0,0,"sub-sequence", 0, 2, 0);
/*->*/	trans[1][42]	= settr(180,32,44,10,10,"D_STEP186", 1, 2, 0);
	trans[1][44]	= settr(182,0,135,11,11,"awaited = 0", 1, 2, 0);
	trans[1][45]	= settr(183,0,66,12,0,"(gone[0])", 1, 2, 0);
	T = trans[ 1][66] = settr(204,0,0,0,0,"sub-sequence", 0, 2, 0);
	T->nxt	= settr(204,0,65,0,0,"sub-sequence", 0, 2, 0);
/*->*/	trans[1][65]	= settr(203,32,67,13,13,"D_STEP186", 1, 2, 0);
	trans[1][67]	= settr(205,0,135,14,14,"gone[0] = 0", 1, 2, 0);
	trans[1][68]	= settr(206,0,89,15,0,"(gone[1])", 1, 2, 0);
	T = trans[ 1][89] = settr(227,0,0,0,0,"sub-sequence", 0, 2, 0);
	T->nxt	= settr(227,0,88,0,0,"sub-sequence", 0, 2, 0);
/*->*/	trans[1][88]	= settr(226,32,90,16,16,"D_STEP186", 1, 2, 0);
	trans[1][90]	= settr(228,0,135,17,17,"gone[1] = 0", 1, 2, 0);
	T = trans[ 1][94] = settr(232,2,0,0,0,"ATOMIC", 1, 2, 0);
	T->nxt	= settr(232,2,91,0,0,"ATOMIC", 1, 503, 0);
	trans[1][91]	= settr(229,2,92,18,0,"((((awaited==0)&&!(gone[0]))&&nempty(up[0])))", 1, 503, 0);
	trans[1][92]	= settr(230,0,389,19,19,"up[0]?what,r", 1, 503, 0); /* m: 93 -> 389,0 */
	reached1[93] = 1;
	trans[1][93]	= settr(0,0,0,0,0,"w = 0",0,0,0);
	trans[1][95]	= settr(233,0,389,1,0,"goto message", 0, 2, 0);
	T = trans[ 1][99] = settr(237,2,0,0,0,"ATOMIC", 1, 2, 0);
	T->nxt	= settr(237,2,96,0,0,"ATOMIC", 1, 503, 0);
	trans[1][96]	= settr(234,2,97,20,0,"((((awaited==0)&&!(gone[1]))&&nempty(up[1])))", 1, 503, 0);
	trans[1][97]	= settr(235,0,389,21,21,"up[1]?what,r", 1, 503, 0); /* m: 98 -> 389,0 */
	reached1[98] = 1;
	trans[1][98]	= settr(0,0,0,0,0,"w = 1",0,0,0);
	trans[1][100]	= settr(238,0,389,1,0,"goto message", 0, 2, 0);
	T = trans[ 1][111] = settr(249,2,0,0,0,"ATOMIC", 1, 2, 0);
	T->nxt	= settr(249,2,101,0,0,"ATOMIC", 1, 2, 0);
	trans[1][101]	= settr(239,2,109,22,22,"((((votes<3)&&(awaited==0))&&(((state[0]==pending)||(state[1]==pending))||(state[2]==pending))))", 1, 2, 0); /* m: 102 -> 109,0 */
	reached1[102] = 1;
	trans[1][102]	= settr(0,0,0,0,0,"votes = (votes+1)",0,0,0);
	T = trans[1][109] = settr(247,2,0,0,0,"IF", 1, 2, 0);
	T = T->nxt	= settr(247,2,103,0,0,"IF", 1, 2, 0);
	T = T->nxt	= settr(247,2,105,0,0,"IF", 1, 2, 0);
	    T->nxt	= settr(247,2,107,0,0,"IF", 1, 2, 0);
	trans[1][103]	= settr(241,0,182,23,23,"((state[0]==pending))", 1, 2, 0); /* m: 104 -> 182,0 */
	reached1[104] = 1;
	trans[1][104]	= settr(0,0,0,0,0,"r = 0",0,0,0);
	trans[1][110]	= settr(248,0,182,24,24,".(goto)", 1, 2, 0);
	trans[1][105]	= settr(243,0,182,25,25,"((state[1]==pending))", 1, 2, 0); /* m: 106 -> 182,0 */
	reached1[106] = 1;
	trans[1][106]	= settr(0,0,0,0,0,"r = 1",0,0,0);
	trans[1][107]	= settr(245,0,182,26,26,"((state[2]==pending))", 1, 2, 0); /* m: 108 -> 182,0 */
	reached1[108] = 1;
	trans[1][108]	= settr(0,0,0,0,0,"r = 2",0,0,0);
	trans[1][112]	= settr(250,0,182,1,0,"goto vote", 0, 2, 0);
	trans[1][113]	= settr(251,0,114,27,0,"(((granted&&!(revoked))&&(votes<3)))", 1, 2, 0);
	trans[1][114]	= settr(252,0,115,28,28,"votes = (votes+1)", 1, 2, 0);
	trans[1][115]	= settr(253,0,135,29,29,"revoked = 1", 1, 2, 0);
	trans[1][116]	= settr(254,0,135,1,0,"goto start", 0, 2, 0);
	T = trans[ 1][119] = settr(257,2,0,0,0,"ATOMIC", 1, 2, 0);
	T->nxt	= settr(257,2,117,0,0,"ATOMIC", 1, 2, 0);
	trans[1][117]	= settr(255,0,206,30,30,"(((state[0]==pending)||(state[0]==approved)))", 1, 2, 0); /* m: 118 -> 206,0 */
	reached1[118] = 1;
	trans[1][118]	= settr(0,0,0,0,0,"r = 0",0,0,0);
	trans[1][120]	= settr(258,0,206,1,0,"goto expire", 0, 2, 0);
	T = trans[ 1][123] = settr(261,2,0,0,0,"ATOMIC", 1, 2, 0);
	T->nxt	= settr(261,2,121,0,0,"ATOMIC", 1, 2, 0);
	trans[1][121]	= settr(259,0,206,31,31,"(((state[1]==pending)||(state[1]==approved)))", 1, 2, 0); /* m: 122 -> 206,0 */
	reached1[122] = 1;
	trans[1][122]	= settr(0,0,0,0,0,"r = 1",0,0,0);
	trans[1][124]	= settr(262,0,206,1,0,"goto expire", 0, 2, 0);
	T = trans[ 1][127] = settr(265,2,0,0,0,"ATOMIC", 1, 2, 0);
	T->nxt	= settr(265,2,125,0,0,"ATOMIC", 1, 2, 0);
	trans[1][125]	= settr(263,0,206,32,32,"(((state[2]==pending)||(state[2]==approved)))", 1, 2, 0); /* m: 126 -> 206,0 */
	reached1[126] = 1;
	trans[1][126]	= settr(0,0,0,0,0,"r = 2",0,0,0);
	trans[1][128]	= settr(266,0,206,1,0,"goto expire", 0, 2, 0);
	trans[1][129]	= settr(267,0,411,33,0,"((broker_stops<1))", 1, 2, 0);
	trans[1][130]	= settr(268,0,411,1,0,"goto stop", 0, 2, 0);
	trans[1][131]	= settr(269,0,413,34,0,"((((((((((done==2)&&(awaited==0))&&empty(up[0]))&&empty(up[1]))&&!(gone[0]))&&!(gone[1]))&&!(((state[0]==pending)||(state[0]==approved))))&&!(((state[1]==pending)||(state[1]==approved))))&&!(((state[2]==pending)||(state[2]==approved)))))", 1, 1003, 1003);
	trans[1][132]	= settr(270,0,413,1,0,"goto :b2", 0, 2, 0);
	trans[1][133]	= settr(271,0,413,35,0,"((((done==2)&&(awaited==0))&&timeout))", 1, 3000, 0);
	trans[1][134]	= settr(272,0,413,1,0,"goto :b2", 0, 2, 0);
	trans[1][137]	= settr(275,0,413,1,0,"break", 0, 2, 0);
	trans[1][138]	= settr(276,0,413,1,0,"goto finished", 0, 2, 0);
	T = trans[1][182] = settr(320,0,0,0,0,"IF", 0, 2, 0);
	T = T->nxt	= settr(320,0,148,0,0,"IF", 0, 2, 0);
	    T->nxt	= settr(320,0,167,0,0,"IF", 0, 2, 0);
/*->*/	trans[1][148]	= settr(286,32,149,36,36,"D_STEP256", 1, 2, 0);
	trans[1][149]	= settr(287,0,161,37,37,"w = holder[r]", 1, 2, 0);
	T = trans[1][161] = settr(299,0,0,0,0,"IF", 0, 2, 0);
	T = T->nxt	= settr(299,0,150,0,0,"IF", 0, 2, 0);
	    T->nxt	= settr(299,0,160,0,0,"IF", 0, 2, 0);
	trans[1][150]	= settr(288,0,159,38,0,"((w!=9))", 0, 2, 0);
	T = trans[ 1][159] = settr(297,0,0,0,0,"sub-sequence", 0, 2, 0);
	T->nxt	= settr(297,0,157,0,0,"sub-sequence", 0, 2, 0);
	T = trans[1][157] = settr(295,0,0,0,0,"IF", 0, 2, 0);
	T = T->nxt	= settr(295,0,151,0,0,"IF", 0, 2, 0);
	T = T->nxt	= settr(295,0,153,0,0,"IF", 0, 2, 0);
	    T->nxt	= settr(295,0,155,0,0,"IF", 0, 2, 0);
	trans[1][151]	= settr(289,0,152,39,39,"(gone[w])", 1, 2, 0);
	trans[1][152]	= settr(290,0,135,1,0,"(1)", 0, 2, 0);
	trans[1][158]	= settr(296,0,135,1,0,".(goto)", 0, 2, 0);
	trans[1][153]	= settr(291,0,154,40,0,"((!(gone[w])&&nfull(down[w])))", 1, 4, 0);
	trans[1][154]	= settr(292,0,135,41,41,"down[w]!13,r", 1, 4, 0);
	trans[1][155]	= settr(293,0,411,42,0,"((broker_stops<1))", 1, 2, 0);
	trans[1][156]	= settr(294,0,411,1,0,"goto stop", 0, 2, 0);
	trans[1][162]	= settr(300,0,135,1,0,".(goto)", 0, 2, 0);
	trans[1][160]	= settr(298,0,135,2,0,"else", 0, 2, 0);
	trans[1][183]	= settr(321,0,135,1,0,".(goto)", 0, 2, 0);
/*->*/	trans[1][167]	= settr(305,32,168,43,43,"D_STEP264", 1, 2, 0);
	trans[1][168]	= settr(306,0,180,44,44,"w = holder[r]", 1, 2, 0);
	T = trans[1][180] = settr(318,0,0,0,0,"IF", 0, 2, 0);
	T = T->nxt	= settr(318,0,169,0,0,"IF", 0, 2, 0);
	    T->nxt	= settr(318,0,179,0,0,"IF", 0, 2, 0);
	trans[1][169]	= settr(307,0,178,45,0,"((w!=9))", 0, 2, 0);
	T = trans[ 1][178] = settr(316,0,0,0,0,"sub-sequence", 0, 2, 0);
	T->nxt	= settr(316,0,176,0,0,"sub-sequence", 0, 2, 0);
	T = trans[1][176] = settr(314,0,0,0,0,"IF", 0, 2, 0);
	T = T->nxt	= settr(314,0,170,0,0,"IF", 0, 2, 0);
	T = T->nxt	= settr(314,0,172,0,0,"IF", 0, 2, 0);
	    T->nxt	= settr(314,0,174,0,0,"IF", 0, 2, 0);
	trans[1][170]	= settr(308,0,171,46,46,"(gone[w])", 1, 2, 0);
	trans[1][171]	= settr(309,0,135,1,0,"(1)", 0, 2, 0);
	trans[1][177]	= settr(315,0,135,1,0,".(goto)", 0, 2, 0);
	trans[1][172]	= settr(310,0,173,47,0,"((!(gone[w])&&nfull(down[w])))", 1, 4, 0);
	trans[1][173]	= settr(311,0,135,48,48,"down[w]!11,r", 1, 4, 0);
	trans[1][174]	= settr(312,0,411,49,0,"((broker_stops<1))", 1, 2, 0);
	trans[1][175]	= settr(313,0,411,1,0,"goto stop", 0, 2, 0);
	trans[1][181]	= settr(319,0,135,1,0,".(goto)", 0, 2, 0);
	trans[1][179]	= settr(317,0,135,2,0,"else", 0, 2, 0);
	trans[1][184]	= settr(322,0,135,1,0,"goto start", 0, 2, 0);
	T = trans[1][206] = settr(344,0,0,0,0,"IF", 0, 2, 0);
	T = T->nxt	= settr(344,0,185,0,0,"IF", 0, 2, 0);
	    T->nxt	= settr(344,0,205,0,0,"IF", 0, 2, 0);
	trans[1][185]	= settr(323,0,190,50,0,"(((state[r]==pending)||(state[r]==approved)))", 1, 2, 0);
/*->*/	trans[1][190]	= settr(328,32,191,51,51,"D_STEP272", 1, 2, 0);
	trans[1][191]	= settr(329,0,203,52,52,"w = holder[r]", 1, 2, 0);
	T = trans[1][203] = settr(341,0,0,0,0,"IF", 0, 2, 0);
	T = T->nxt	= settr(341,0,192,0,0,"IF", 0, 2, 0);
	    T->nxt	= settr(341,0,202,0,0,"IF", 0, 2, 0);
	trans[1][192]	= settr(330,0,201,53,0,"((w!=9))", 0, 2, 0);
	T = trans[ 1][201] = settr(339,0,0,0,0,"sub-sequence", 0, 2, 0);
	T->nxt	= settr(339,0,199,0,0,"sub-sequence", 0, 2, 0);
	T = trans[1][199] = settr(337,0,0,0,0,"IF", 0, 2, 0);
	T = T->nxt	= settr(337,0,193,0,0,"IF", 0, 2, 0);
	T = T->nxt	= settr(337,0,195,0,0,"IF", 0, 2, 0);
	    T->nxt	= settr(337,0,197,0,0,"IF", 0, 2, 0);
	trans[1][193]	= settr(331,0,194,54,54,"(gone[w])", 1, 2, 0);
	trans[1][194]	= settr(332,0,135,1,0,"(1)", 0, 2, 0);
	trans[1][200]	= settr(338,0,135,1,0,".(goto)", 0, 2, 0);
	trans[1][195]	= settr(333,0,196,55,0,"((!(gone[w])&&nfull(down[w])))", 1, 4, 0);
	trans[1][196]	= settr(334,0,135,56,56,"down[w]!11,r", 1, 4, 0);
	trans[1][197]	= settr(335,0,411,57,0,"((broker_stops<1))", 1, 2, 0);
	trans[1][198]	= settr(336,0,411,1,0,"goto stop", 0, 2, 0);
	trans[1][204]	= settr(342,0,135,1,0,".(goto)", 0, 2, 0);
	trans[1][202]	= settr(340,0,135,2,0,"else", 0, 2, 0);
	trans[1][207]	= settr(345,0,135,1,0,".(goto)", 0, 2, 0);
	trans[1][205]	= settr(343,0,135,2,0,"else", 0, 2, 0);
	trans[1][208]	= settr(346,0,135,1,0,"goto start", 0, 2, 0);
	T = trans[1][389] = settr(527,0,0,0,0,"IF", 0, 2, 0);
	T = T->nxt	= settr(527,0,209,0,0,"IF", 0, 2, 0);
	T = T->nxt	= settr(527,0,310,0,0,"IF", 0, 2, 0);
	T = T->nxt	= settr(527,0,360,0,0,"IF", 0, 2, 0);
	    T->nxt	= settr(527,0,379,0,0,"IF", 0, 2, 0);
	trans[1][209]	= settr(347,0,211,58,58,"((what==SUBMIT))", 0, 2, 0);
/*->*/	trans[1][211]	= settr(349,32,228,59,59,"D_STEP282", 1, 2, 0);
	T = trans[ 1][228] = settr(366,0,0,0,0,"sub-sequence", 0, 2, 0);
	T->nxt	= settr(366,0,227,0,0,"sub-sequence", 0, 2, 0);
/*->*/	trans[1][227]	= settr(365,32,308,60,60,"D_STEP215", 1, 2, 0);
	T = trans[1][308] = settr(446,0,0,0,0,"IF", 0, 2, 0);
	T = T->nxt	= settr(446,0,229,0,0,"IF", 0, 2, 0);
	T = T->nxt	= settr(446,0,255,0,0,"IF", 0, 2, 0);
	T = T->nxt	= settr(446,0,265,0,0,"IF", 0, 2, 0);
	    T->nxt	= settr(446,0,275,0,0,"IF", 0, 2, 0);
	trans[1][229]	= settr(367,0,232,61,61,"(((!(covered)&&(open!=9))&&(holder[open]==9)))", 1, 2, 0);
/*->*/	trans[1][232]	= settr(370,32,253,62,62,"D_STEP286", 1, 2, 0);
	T = trans[1][253] = settr(391,0,0,0,0,"IF", 0, 2, 0);
	T = T->nxt	= settr(391,0,233,0,0,"IF", 0, 2, 0);
	    T->nxt	= settr(391,0,243,0,0,"IF", 0, 2, 0);
	trans[1][233]	= settr(371,0,242,63,0,"((state[r]==approved))", 1, 2, 0);
	T = trans[ 1][242] = settr(380,0,0,0,0,"sub-sequence", 0, 2, 0);
	T->nxt	= settr(380,0,240,0,0,"sub-sequence", 0, 2, 0);
	T = trans[1][240] = settr(378,0,0,0,0,"IF", 0, 2, 0);
	T = T->nxt	= settr(378,0,234,0,0,"IF", 0, 2, 0);
	T = T->nxt	= settr(378,0,236,0,0,"IF", 0, 2, 0);
	    T->nxt	= settr(378,0,238,0,0,"IF", 0, 2, 0);
	trans[1][234]	= settr(372,0,235,64,64,"(gone[w])", 1, 2, 0);
	trans[1][235]	= settr(373,0,135,1,0,"(1)", 0, 2, 0);
	trans[1][241]	= settr(379,0,135,1,0,".(goto)", 0, 2, 0);
	trans[1][236]	= settr(374,0,237,65,0,"((!(gone[w])&&nfull(down[w])))", 1, 4, 0);
	trans[1][237]	= settr(375,0,135,66,66,"down[w]!13,r", 1, 4, 0);
	trans[1][238]	= settr(376,0,411,67,0,"((broker_stops<1))", 1, 2, 0);
	trans[1][239]	= settr(377,0,411,1,0,"goto stop", 0, 2, 0);
	trans[1][254]	= settr(392,0,135,1,0,".(goto)", 0, 2, 0);
	trans[1][243]	= settr(381,0,252,2,0,"else", 0, 2, 0);
	T = trans[ 1][252] = settr(390,0,0,0,0,"sub-sequence", 0, 2, 0);
	T->nxt	= settr(390,0,250,0,0,"sub-sequence", 0, 2, 0);
	T = trans[1][250] = settr(388,0,0,0,0,"IF", 0, 2, 0);
	T = T->nxt	= settr(388,0,244,0,0,"IF", 0, 2, 0);
	T = T->nxt	= settr(388,0,246,0,0,"IF", 0, 2, 0);
	    T->nxt	= settr(388,0,248,0,0,"IF", 0, 2, 0);
	trans[1][244]	= settr(382,0,245,68,68,"(gone[w])", 1, 2, 0);
	trans[1][245]	= settr(383,0,135,1,0,"(1)", 0, 2, 0);
	trans[1][251]	= settr(389,0,135,1,0,".(goto)", 0, 2, 0);
	trans[1][246]	= settr(384,0,247,69,0,"((!(gone[w])&&nfull(down[w])))", 1, 4, 0);
	trans[1][247]	= settr(385,0,135,70,70,"down[w]!14,r", 1, 4, 0);
	trans[1][248]	= settr(386,0,411,71,0,"((broker_stops<1))", 1, 2, 0);
	trans[1][249]	= settr(387,0,411,1,0,"goto stop", 0, 2, 0);
	trans[1][309]	= settr(447,0,135,1,0,".(goto)", 0, 2, 0);
	trans[1][255]	= settr(393,0,264,72,72,"(((!(covered)&&(open!=9))&&(holder[open]!=9)))", 1, 2, 0);
	T = trans[ 1][264] = settr(402,0,0,0,0,"sub-sequence", 0, 2, 0);
	T->nxt	= settr(402,0,262,0,0,"sub-sequence", 0, 2, 0);
	T = trans[1][262] = settr(400,0,0,0,0,"IF", 0, 2, 0);
	T = T->nxt	= settr(400,0,256,0,0,"IF", 0, 2, 0);
	T = T->nxt	= settr(400,0,258,0,0,"IF", 0, 2, 0);
	    T->nxt	= settr(400,0,260,0,0,"IF", 0, 2, 0);
	trans[1][256]	= settr(394,0,257,73,73,"(gone[w])", 1, 2, 0);
	trans[1][257]	= settr(395,0,135,1,0,"(1)", 0, 2, 0);
	trans[1][263]	= settr(401,0,135,1,0,".(goto)", 0, 2, 0);
	trans[1][258]	= settr(396,0,259,74,0,"((!(gone[w])&&nfull(down[w])))", 1, 4, 0);
	trans[1][259]	= settr(397,0,135,75,75,"down[w]!11,open", 1, 4, 0);
	trans[1][260]	= settr(398,0,411,76,0,"((broker_stops<1))", 1, 2, 0);
	trans[1][261]	= settr(399,0,411,1,0,"goto stop", 0, 2, 0);
	trans[1][265]	= settr(403,0,274,77,77,"(((covered||(open==9))&&(n_requests==3)))", 1, 2, 0);
	T = trans[ 1][274] = settr(412,0,0,0,0,"sub-sequence", 0, 2, 0);
	T->nxt	= settr(412,0,272,0,0,"sub-sequence", 0, 2, 0);
	T = trans[1][272] = settr(410,0,0,0,0,"IF", 0, 2, 0);
	T = T->nxt	= settr(410,0,266,0,0,"IF", 0, 2, 0);
	T = T->nxt	= settr(410,0,268,0,0,"IF", 0, 2, 0);
	    T->nxt	= settr(410,0,270,0,0,"IF", 0, 2, 0);
	trans[1][266]	= settr(404,0,267,78,78,"(gone[w])", 1, 2, 0);
	trans[1][267]	= settr(405,0,135,1,0,"(1)", 0, 2, 0);
	trans[1][273]	= settr(411,0,135,1,0,".(goto)", 0, 2, 0);
	trans[1][268]	= settr(406,0,269,79,0,"((!(gone[w])&&nfull(down[w])))", 1, 4, 0);
	trans[1][269]	= settr(407,0,135,80,80,"down[w]!11,9", 1, 4, 0);
	trans[1][270]	= settr(408,0,411,81,0,"((broker_stops<1))", 1, 2, 0);
	trans[1][271]	= settr(409,0,411,1,0,"goto stop", 0, 2, 0);
	trans[1][275]	= settr(413,0,281,82,82,"(((covered||(open==9))&&(n_requests<3)))", 1, 2, 0);
/*->*/	trans[1][281]	= settr(419,32,306,83,83,"D_STEP294", 1, 2, 0);
	T = trans[1][306] = settr(444,0,0,0,0,"IF", 0, 2, 0);
	T = T->nxt	= settr(444,0,282,0,0,"IF", 0, 2, 0);
	    T->nxt	= settr(444,0,296,0,0,"IF", 0, 2, 0);
	trans[1][282]	= settr(420,0,286,84,84,"(covered)", 0, 2, 0);
/*->*/	trans[1][286]	= settr(424,32,295,85,85,"D_STEP296", 1, 2, 0);
	T = trans[ 1][295] = settr(433,0,0,0,0,"sub-sequence", 0, 2, 0);
	T->nxt	= settr(433,0,293,0,0,"sub-sequence", 0, 2, 0);
	T = trans[1][293] = settr(431,0,0,0,0,"IF", 0, 2, 0);
	T = T->nxt	= settr(431,0,287,0,0,"IF", 0, 2, 0);
	T = T->nxt	= settr(431,0,289,0,0,"IF", 0, 2, 0);
	    T->nxt	= settr(431,0,291,0,0,"IF", 0, 2, 0);
	trans[1][287]	= settr(425,0,288,86,86,"(gone[w])", 1, 2, 0);
	trans[1][288]	= settr(426,0,135,1,0,"(1)", 0, 2, 0);
	trans[1][294]	= settr(432,0,135,1,0,".(goto)", 0, 2, 0);
	trans[1][289]	= settr(427,0,290,87,0,"((!(gone[w])&&nfull(down[w])))", 1, 4, 0);
	trans[1][290]	= settr(428,0,135,88,88,"down[w]!13,r", 1, 4, 0);
	trans[1][291]	= settr(429,0,411,89,0,"((broker_stops<1))", 1, 2, 0);
	trans[1][292]	= settr(430,0,411,1,0,"goto stop", 0, 2, 0);
	trans[1][307]	= settr(445,0,135,1,0,".(goto)", 0, 2, 0);
	trans[1][296]	= settr(434,0,305,2,0,"else", 0, 2, 0);
	T = trans[ 1][305] = settr(443,0,0,0,0,"sub-sequence", 0, 2, 0);
	T->nxt	= settr(443,0,303,0,0,"sub-sequence", 0, 2, 0);
	T = trans[1][303] = settr(441,0,0,0,0,"IF", 0, 2, 0);
	T = T->nxt	= settr(441,0,297,0,0,"IF", 0, 2, 0);
	T = T->nxt	= settr(441,0,299,0,0,"IF", 0, 2, 0);
	    T->nxt	= settr(441,0,301,0,0,"IF", 0, 2, 0);
	trans[1][297]	= settr(435,0,298,90,90,"(gone[w])", 1, 2, 0);
	trans[1][298]	= settr(436,0,135,1,0,"(1)", 0, 2, 0);
	trans[1][304]	= settr(442,0,135,1,0,".(goto)", 0, 2, 0);
	trans[1][299]	= settr(437,0,300,91,0,"((!(gone[w])&&nfull(down[w])))", 1, 4, 0);
	trans[1][300]	= settr(438,0,135,92,92,"down[w]!14,r", 1, 4, 0);
	trans[1][301]	= settr(439,0,411,93,0,"((broker_stops<1))", 1, 2, 0);
	trans[1][302]	= settr(440,0,411,1,0,"goto stop", 0, 2, 0);
	trans[1][390]	= settr(528,0,135,1,0,".(goto)", 0, 2, 0);
	trans[1][310]	= settr(448,0,358,94,94,"((what==CLAIM))", 0, 2, 0);
	T = trans[1][358] = settr(496,0,0,0,0,"IF", 0, 2, 0);
	T = T->nxt	= settr(496,0,311,0,0,"IF", 0, 2, 0);
	T = T->nxt	= settr(496,0,326,0,0,"IF", 0, 2, 0);
	    T->nxt	= settr(496,0,348,0,0,"IF", 0, 2, 0);
	trans[1][311]	= settr(449,0,316,95,0,"(((((holder[r]==w)&&(state[r]==approved))&&counts_on[r])&&revoked))", 1, 2, 0);
/*->*/	trans[1][316]	= settr(454,32,325,96,96,"D_STEP316", 1, 2, 0);
	T = trans[ 1][325] = settr(463,0,0,0,0,"sub-sequence", 0, 2, 0);
	T->nxt	= settr(463,0,323,0,0,"sub-sequence", 0, 2, 0);
	T = trans[1][323] = settr(461,0,0,0,0,"IF", 0, 2, 0);
	T = T->nxt	= settr(461,0,317,0,0,"IF", 0, 2, 0);
	T = T->nxt	= settr(461,0,319,0,0,"IF", 0, 2, 0);
	    T->nxt	= settr(461,0,321,0,0,"IF", 0, 2, 0);
	trans[1][317]	= settr(455,0,318,97,97,"(gone[w])", 1, 2, 0);
	trans[1][318]	= settr(456,0,135,1,0,"(1)", 0, 2, 0);
	trans[1][324]	= settr(462,0,135,1,0,".(goto)", 0, 2, 0);
	trans[1][319]	= settr(457,0,320,98,0,"((!(gone[w])&&nfull(down[w])))", 1, 4, 0);
	trans[1][320]	= settr(458,0,135,99,99,"down[w]!11,r", 1, 4, 0);
	trans[1][321]	= settr(459,0,411,100,0,"((broker_stops<1))", 1, 2, 0);
	trans[1][322]	= settr(460,0,411,1,0,"goto stop", 0, 2, 0);
	trans[1][359]	= settr(497,0,135,1,0,".(goto)", 0, 2, 0);
	trans[1][326]	= settr(464,0,338,101,0,"((((holder[r]==w)&&(state[r]==approved))&&!((counts_on[r]&&revoked))))", 1, 2, 0);
/*->*/	trans[1][338]	= settr(476,32,347,102,102,"D_STEP318", 1, 2, 0);
	T = trans[ 1][347] = settr(485,0,0,0,0,"sub-sequence", 0, 2, 0);
	T->nxt	= settr(485,0,345,0,0,"sub-sequence", 0, 2, 0);
	T = trans[1][345] = settr(483,0,0,0,0,"IF", 0, 2, 0);
	T = T->nxt	= settr(483,0,339,0,0,"IF", 0, 2, 0);
	T = T->nxt	= settr(483,0,341,0,0,"IF", 0, 2, 0);
	    T->nxt	= settr(483,0,343,0,0,"IF", 0, 2, 0);
	trans[1][339]	= settr(477,0,340,103,103,"(gone[w])", 1, 2, 0);
	trans[1][340]	= settr(478,0,135,1,0,"(1)", 0, 2, 0);
	trans[1][346]	= settr(484,0,135,1,0,".(goto)", 0, 2, 0);
	trans[1][341]	= settr(479,0,342,104,0,"((!(gone[w])&&nfull(down[w])))", 1, 4, 0);
	trans[1][342]	= settr(480,0,135,105,105,"down[w]!12,r", 1, 4, 0);
	trans[1][343]	= settr(481,0,411,106,0,"((broker_stops<1))", 1, 2, 0);
	trans[1][344]	= settr(482,0,411,1,0,"goto stop", 0, 2, 0);
	trans[1][348]	= settr(486,0,357,2,0,"else", 0, 2, 0);
	T = trans[ 1][357] = settr(495,0,0,0,0,"sub-sequence", 0, 2, 0);
	T->nxt	= settr(495,0,355,0,0,"sub-sequence", 0, 2, 0);
	T = trans[1][355] = settr(493,0,0,0,0,"IF", 0, 2, 0);
	T = T->nxt	= settr(493,0,349,0,0,"IF", 0, 2, 0);
	T = T->nxt	= settr(493,0,351,0,0,"IF", 0, 2, 0);
	    T->nxt	= settr(493,0,353,0,0,"IF", 0, 2, 0);
	trans[1][349]	= settr(487,0,350,107,107,"(gone[w])", 1, 2, 0);
	trans[1][350]	= settr(488,0,135,1,0,"(1)", 0, 2, 0);
	trans[1][356]	= settr(494,0,135,1,0,".(goto)", 0, 2, 0);
	trans[1][351]	= settr(489,0,352,108,0,"((!(gone[w])&&nfull(down[w])))", 1, 4, 0);
	trans[1][352]	= settr(490,0,135,109,109,"down[w]!11,r", 1, 4, 0);
	trans[1][353]	= settr(491,0,411,110,0,"((broker_stops<1))", 1, 2, 0);
	trans[1][354]	= settr(492,0,411,1,0,"goto stop", 0, 2, 0);
	trans[1][360]	= settr(498,0,368,111,111,"((what==WITHDRAW))", 0, 2, 0);
	T = trans[1][368] = settr(506,0,0,0,0,"IF", 0, 2, 0);
	T = T->nxt	= settr(506,0,361,0,0,"IF", 0, 2, 0);
	    T->nxt	= settr(506,0,367,0,0,"IF", 0, 2, 0);
	trans[1][361]	= settr(499,0,366,112,0,"(((holder[r]==w)&&((state[r]==pending)||(state[r]==approved))))", 1, 2, 0);
/*->*/	trans[1][366]	= settr(504,32,378,113,113,"D_STEP331", 1, 2, 0);
	trans[1][369]	= settr(507,0,378,1,0,".(goto)", 0, 2, 0);
	trans[1][367]	= settr(505,0,378,2,0,"else", 0, 2, 0);
	T = trans[ 1][378] = settr(516,0,0,0,0,"sub-sequence", 0, 2, 0);
	T->nxt	= settr(516,0,376,0,0,"sub-sequence", 0, 2, 0);
	T = trans[1][376] = settr(514,0,0,0,0,"IF", 0, 2, 0);
	T = T->nxt	= settr(514,0,370,0,0,"IF", 0, 2, 0);
	T = T->nxt	= settr(514,0,372,0,0,"IF", 0, 2, 0);
	    T->nxt	= settr(514,0,374,0,0,"IF", 0, 2, 0);
	trans[1][370]	= settr(508,0,371,114,114,"(gone[w])", 1, 2, 0);
	trans[1][371]	= settr(509,0,135,1,0,"(1)", 0, 2, 0);
	trans[1][377]	= settr(515,0,135,1,0,".(goto)", 0, 2, 0);
	trans[1][372]	= settr(510,0,373,115,0,"((!(gone[w])&&nfull(down[w])))", 1, 4, 0);
	trans[1][373]	= settr(511,0,135,116,116,"down[w]!11,r", 1, 4, 0);
	trans[1][374]	= settr(512,0,411,117,0,"((broker_stops<1))", 1, 2, 0);
	trans[1][375]	= settr(513,0,411,1,0,"goto stop", 0, 2, 0);
	trans[1][379]	= settr(517,0,388,118,0,"(((what==RESULT)||(what==NOT_RUN)))", 0, 2, 0);
/*->*/	trans[1][388]	= settr(526,32,135,119,119,"D_STEP336", 1, 2, 0);
	trans[1][391]	= settr(529,0,135,1,0,"goto start", 0, 2, 0);
	T = trans[ 1][411] = settr(549,2,0,0,0,"ATOMIC", 1, 2, 0);
	T->nxt	= settr(549,2,392,0,0,"ATOMIC", 1, 2, 0);
	trans[1][392]	= settr(530,2,400,120,120,"broker_stops = (broker_stops+1)", 1, 2, 0);
	T = trans[ 1][400] = settr(538,0,0,0,0,"sub-sequence", 1, 2, 0);
	T->nxt	= settr(538,0,397,0,0,"sub-sequence", 1, 2, 0);
	trans[1][398]	= settr(536,2,397,1,0,".(goto)", 1, 2, 0);
	T = trans[1][397] = settr(535,2,0,0,0,"DO", 1, 2, 0);
	T = T->nxt	= settr(535,2,393,0,0,"DO", 1, 2, 0);
	T = T->nxt	= settr(535,2,394,0,0,"DO", 1, 2, 0);
	    T->nxt	= settr(535,2,395,0,0,"DO", 1, 2, 0);
	trans[1][393]	= settr(531,2,397,121,121,"up[0]?_,_", 1, 503, 0);
	trans[1][394]	= settr(532,2,397,122,122,"down[0]?_,_", 1, 504, 0);
	trans[1][395]	= settr(533,2,408,123,0,"((empty(up[0])&&empty(down[0])))", 1, 1003, 1004);
	trans[1][396]	= settr(534,2,408,1,0,"goto :b8", 1, 2, 0);
	trans[1][399]	= settr(537,2,408,1,0,"break", 1, 2, 0);
	T = trans[ 1][408] = settr(546,0,0,0,0,"sub-sequence", 1, 2, 0);
	T->nxt	= settr(546,0,405,0,0,"sub-sequence", 1, 2, 0);
	trans[1][406]	= settr(544,2,405,1,0,".(goto)", 1, 2, 0);
	T = trans[1][405] = settr(543,2,0,0,0,"DO", 1, 2, 0);
	T = T->nxt	= settr(543,2,401,0,0,"DO", 1, 2, 0);
	T = T->nxt	= settr(543,2,402,0,0,"DO", 1, 2, 0);
	    T->nxt	= settr(543,2,403,0,0,"DO", 1, 2, 0);
	trans[1][401]	= settr(539,2,405,124,124,"up[1]?_,_", 1, 503, 0);
	trans[1][402]	= settr(540,2,405,125,125,"down[1]?_,_", 1, 504, 0);
	trans[1][403]	= settr(541,0,135,126,126,"((empty(up[1])&&empty(down[1])))", 1, 1003, 1004); /* m: 409 -> 135,0 */
	reached1[409] = 1;
	trans[1][404]	= settr(542,2,409,1,0,"goto :b9", 1, 2, 0); /* m: 409 -> 0,135 */
	reached1[409] = 1;
	trans[1][407]	= settr(545,2,409,1,0,"break", 1, 2, 0);
	trans[1][409]	= settr(547,0,135,127,127,"boot = (boot+1)", 1, 2, 0); /* m: 410 -> 0,135 */
	reached1[410] = 1;
	trans[1][410]	= settr(0,0,0,0,0,"awaited = 3",0,0,0);
	trans[1][412]	= settr(550,0,135,1,0,"goto start", 0, 2, 0);
	trans[1][413]	= settr(551,0,414,128,0,"assert((((state[0]!=pending)&&(state[0]!=approved))&&(state[0]!=running)))", 1, 2, 0);
	trans[1][414]	= settr(552,0,415,129,0,"assert((((state[1]!=pending)&&(state[1]!=approved))&&(state[1]!=running)))", 1, 2, 0);
	trans[1][415]	= settr(553,0,416,130,0,"assert((((state[2]!=pending)&&(state[2]!=approved))&&(state[2]!=running)))", 1, 2, 0);
	trans[1][416]	= settr(554,0,0,131,131,"-end-", 0, 3500, 0);

	/* proctype 0: Worker */

	trans[0] = (Trans **) emalloc(140*sizeof(Trans *));

	T = trans[0][4] = settr(3,0,0,0,0,"IF", 0, 2, 0);
	T = T->nxt	= settr(3,0,1,0,0,"IF", 0, 2, 0);
	    T->nxt	= settr(3,0,3,0,0,"IF", 0, 2, 0);
	trans[0][1]	= settr(0,0,7,132,132,"((tries<2))", 0, 2, 0); /* m: 2 -> 7,0 */
	reached0[2] = 1;
	trans[0][2]	= settr(0,0,0,0,0,"tries = (tries+1)",0,0,0);
	trans[0][5]	= settr(4,0,6,1,0,".(goto)", 0, 2, 0); /* m: 6 -> 0,7 */
	reached0[6] = 1;
	trans[0][3]	= settr(2,0,131,1,0,"goto over", 0, 2, 0);
	trans[0][6]	= settr(5,0,7,133,133,"mine = 9", 0, 2, 0);
	trans[0][7]	= settr(6,0,8,134,134,"seen = boot", 1, 2, 0);
	trans[0][8]	= settr(7,0,9,135,0,"(((awaited&(1<<w))==0))", 1, 2, 0);
	trans[0][9]	= settr(8,0,45,136,136,"up[w]!SUBMIT,9", 1, 3, 0);
	T = trans[0][45] = settr(44,0,0,0,0,"IF", 0, 2, 0);
	T = T->nxt	= settr(44,0,12,0,0,"IF", 0, 2, 0);
	T = T->nxt	= settr(44,0,25,0,0,"IF", 0, 2, 0);
	T = T->nxt	= settr(44,0,28,0,0,"IF", 0, 2, 0);
	    T->nxt	= settr(44,0,43,0,0,"IF", 0, 2, 0);
	T = trans[ 0][12] = settr(11,2,0,0,0,"ATOMIC", 1, 2, 0);
	T->nxt	= settr(11,2,10,0,0,"ATOMIC", 1, 504, 0);
	trans[0][10]	= settr(9,2,11,137,0,"(((seen==boot)&&nempty(down[w])))", 1, 504, 0);
	trans[0][11]	= settr(10,0,23,138,138,"down[w]?what,r", 1, 504, 0);
	T = trans[0][23] = settr(22,0,0,0,0,"IF", 0, 2, 0);
	T = T->nxt	= settr(22,0,13,0,0,"IF", 0, 2, 0);
	T = T->nxt	= settr(22,0,16,0,0,"IF", 0, 2, 0);
	T = T->nxt	= settr(22,0,19,0,0,"IF", 0, 2, 0);
	    T->nxt	= settr(22,0,21,0,0,"IF", 0, 2, 0);
	trans[0][13]	= settr(12,0,45,139,139,"((what==SUBMITTED))", 0, 2, 0); /* m: 14 -> 45,0 */
	reached0[14] = 1;
	trans[0][14]	= settr(0,0,0,0,0,"mine = r",0,0,0);
	trans[0][15]	= settr(14,0,45,1,0,"goto waiting", 0, 2, 0);
	trans[0][24]	= settr(23,0,62,1,0,".(goto)", 0, 2, 0);
	trans[0][16]	= settr(15,0,64,140,140,"((what==APPROVED))", 0, 2, 0); /* m: 17 -> 64,0 */
	reached0[17] = 1;
	trans[0][17]	= settr(0,0,0,0,0,"mine = r",0,0,0);
	trans[0][18]	= settr(17,0,64,1,0,"goto claiming", 0, 2, 0);
	trans[0][19]	= settr(18,0,4,141,141,"((what==ENDED))", 0, 2, 0);
	trans[0][20]	= settr(19,0,4,1,0,"goto again", 0, 2, 0);
	trans[0][21]	= settr(20,0,22,2,0,"else", 0, 2, 0);
	trans[0][22]	= settr(21,0,62,142,0,"assert(0)", 0, 2, 0);
	trans[0][46]	= settr(45,0,62,1,0,".(goto)", 0, 2, 0);
	trans[0][25]	= settr(24,0,26,143,0,"(((seen==boot)&&(mine!=9)))", 1, 2, 0);
	trans[0][26]	= settr(25,0,62,144,144,"up[w]!WITHDRAW,mine", 1, 3, 0);
	trans[0][27]	= settr(26,0,62,1,0,"goto leaving", 0, 2, 0);
	trans[0][28]	= settr(27,0,42,145,145,"((seen!=boot))", 1, 2, 0);
	T = trans[ 0][42] = settr(41,2,0,0,0,"ATOMIC", 1, 2, 0);
	T->nxt	= settr(41,2,29,0,0,"ATOMIC", 1, 2, 0);
	trans[0][29]	= settr(28,2,40,146,146,"seen = boot", 1, 2, 0); /* m: 30 -> 0,40 */
	reached0[30] = 1;
	trans[0][30]	= settr(0,0,0,0,0,"awaited = (awaited&~((1<<w)))",0,0,0);
	T = trans[0][40] = settr(39,2,0,0,0,"IF", 1, 2, 0);
	T = T->nxt	= settr(39,2,31,0,0,"IF", 1, 2, 0);
	    T->nxt	= settr(39,2,38,0,0,"IF", 1, 2, 0);
	trans[0][31]	= settr(30,2,36,147,0,"((((mine!=9)&&(holder[mine]==w))&&((state[mine]==pending)||(state[mine]==approved))))", 1, 2, 0);
	T = trans[0][36] = settr(35,2,0,0,0,"IF", 1, 2, 0);
	T = T->nxt	= settr(35,2,32,0,0,"IF", 1, 2, 0);
	    T->nxt	= settr(35,2,34,0,0,"IF", 1, 2, 0);
	trans[0][32]	= settr(31,4,64,148,148,"((state[mine]==approved))", 1, 2, 0); /* m: 33 -> 64,0 */
	reached0[33] = 1;
	trans[0][33]	= settr(32,0,64,1,0,"goto claiming", 1, 2, 0);
	trans[0][37]	= settr(36,2,41,1,0,".(goto)", 1, 2, 0); /* m: 41 -> 0,62 */
	reached0[41] = 1;
	trans[0][34]	= settr(33,2,35,2,0,"else", 1, 2, 0);
	trans[0][35]	= settr(34,0,45,1,0,"goto waiting", 1, 2, 0);
	trans[0][41]	= settr(40,0,62,149,149,".(goto)", 1, 2, 0);
	trans[0][38]	= settr(37,2,39,2,0,"else", 1, 2, 0);
	trans[0][39]	= settr(38,0,4,1,0,"goto again", 1, 2, 0);
	trans[0][43]	= settr(42,0,128,150,0,"((worker_stops<1))", 1, 2, 0);
	trans[0][44]	= settr(43,0,128,1,0,"goto stop", 0, 2, 0);
	T = trans[0][62] = settr(61,0,0,0,0,"IF", 0, 2, 0);
	T = T->nxt	= settr(61,0,49,0,0,"IF", 0, 2, 0);
	    T->nxt	= settr(61,0,59,0,0,"IF", 0, 2, 0);
	T = trans[ 0][49] = settr(48,2,0,0,0,"ATOMIC", 1, 2, 0);
	T->nxt	= settr(48,2,47,0,0,"ATOMIC", 1, 504, 0);
	trans[0][47]	= settr(46,2,48,151,0,"(((seen==boot)&&nempty(down[w])))", 1, 504, 0);
	trans[0][48]	= settr(47,0,57,152,152,"down[w]?what,r", 1, 504, 0);
	T = trans[0][57] = settr(56,0,0,0,0,"IF", 0, 2, 0);
	T = T->nxt	= settr(56,0,50,0,0,"IF", 0, 2, 0);
	T = T->nxt	= settr(56,0,53,0,0,"IF", 0, 2, 0);
	    T->nxt	= settr(56,0,55,0,0,"IF", 0, 2, 0);
	trans[0][50]	= settr(49,0,51,153,153,"((what==CLAIMED))", 0, 2, 0);
	trans[0][51]	= settr(50,0,62,154,154,"up[w]!NOT_RUN,r", 1, 3, 0);
	trans[0][52]	= settr(51,0,62,1,0,"goto leaving", 0, 2, 0);
	trans[0][58]	= settr(57,0,64,1,0,".(goto)", 0, 2, 0);
	trans[0][53]	= settr(52,0,4,155,155,"((what==ENDED))", 0, 2, 0);
	trans[0][54]	= settr(53,0,4,1,0,"goto again", 0, 2, 0);
	trans[0][55]	= settr(54,0,62,2,0,"else", 0, 2, 0);
	trans[0][56]	= settr(55,0,62,1,0,"goto leaving", 0, 2, 0);
	trans[0][63]	= settr(62,0,64,1,0,".(goto)", 0, 2, 0);
	trans[0][59]	= settr(58,0,60,156,156,"((seen!=boot))", 1, 2, 0);
	trans[0][60]	= settr(59,0,4,157,157,"awaited = (awaited&~((1<<w)))", 1, 2, 0);
	trans[0][61]	= settr(60,0,4,1,0,"goto again", 0, 2, 0);
	trans[0][64]	= settr(63,0,91,158,158,"up[w]!CLAIM,mine", 1, 3, 0);
	T = trans[0][91] = settr(90,0,0,0,0,"IF", 0, 2, 0);
	T = T->nxt	= settr(90,0,67,0,0,"IF", 0, 2, 0);
	T = T->nxt	= settr(90,0,76,0,0,"IF", 0, 2, 0);
	    T->nxt	= settr(90,0,89,0,0,"IF", 0, 2, 0);
	T = trans[ 0][67] = settr(66,2,0,0,0,"ATOMIC", 1, 2, 0);
	T->nxt	= settr(66,2,65,0,0,"ATOMIC", 1, 504, 0);
	trans[0][65]	= settr(64,2,66,159,0,"(((seen==boot)&&nempty(down[w])))", 1, 504, 0);
	trans[0][66]	= settr(65,0,74,160,160,"down[w]?what,r", 1, 504, 0);
	T = trans[0][74] = settr(73,0,0,0,0,"IF", 0, 2, 0);
	T = T->nxt	= settr(73,0,68,0,0,"IF", 0, 2, 0);
	T = T->nxt	= settr(73,0,70,0,0,"IF", 0, 2, 0);
	    T->nxt	= settr(73,0,72,0,0,"IF", 0, 2, 0);
	trans[0][68]	= settr(67,0,97,161,161,"((what==CLAIMED))", 0, 2, 0);
	trans[0][69]	= settr(68,0,97,1,0,"goto released", 0, 2, 0);
	trans[0][75]	= settr(74,0,97,1,0,".(goto)", 0, 2, 0);
	trans[0][70]	= settr(69,0,4,162,162,"((what==ENDED))", 0, 2, 0);
	trans[0][71]	= settr(70,0,4,1,0,"goto again", 0, 2, 0);
	trans[0][72]	= settr(71,0,73,2,0,"else", 0, 2, 0);
	trans[0][73]	= settr(72,0,97,163,0,"assert(0)", 0, 2, 0);
	trans[0][92]	= settr(91,0,97,1,0,".(goto)", 0, 2, 0);
	trans[0][76]	= settr(75,0,88,164,164,"((seen!=boot))", 1, 2, 0);
	T = trans[ 0][88] = settr(87,2,0,0,0,"ATOMIC", 1, 2, 0);
	T->nxt	= settr(87,2,77,0,0,"ATOMIC", 1, 2, 0);
	trans[0][77]	= settr(76,2,85,165,165,"seen = boot", 1, 2, 0); /* m: 78 -> 0,85 */
	reached0[78] = 1;
	trans[0][78]	= settr(0,0,0,0,0,"awaited = (awaited&~((1<<w)))",0,0,0);
	T = trans[0][85] = settr(84,2,0,0,0,"IF", 1, 2, 0);
	T = T->nxt	= settr(84,2,79,0,0,"IF", 1, 2, 0);
	T = T->nxt	= settr(84,2,81,0,0,"IF", 1, 2, 0);
	    T->nxt	= settr(84,2,84,0,0,"IF", 1, 2, 0);
	trans[0][79]	= settr(78,4,4,166,166,"(((state[mine]==running)&&(holder[mine]==w)))", 1, 2, 0); /* m: 80 -> 4,0 */
	reached0[80] = 1;
	trans[0][80]	= settr(0,0,0,0,0,"state[mine] = failed",0,0,0);
	trans[0][86]	= settr(85,4,4,167,167,".(goto)", 1, 2, 0); /* m: 87 -> 0,4 */
	reached0[87] = 1;
	trans[0][81]	= settr(80,4,4,168,168,"(((state[mine]==approved)&&(holder[mine]==w)))", 1, 2, 0); /* m: 82 -> 4,0 */
	reached0[82] = 1;
	trans[0][82]	= settr(0,0,0,0,0,"state[mine] = withdrawn",0,0,0);
	trans[0][83]	= settr(0,0,0,0,0,"counts_on[mine] = 0",0,0,0);
	trans[0][84]	= settr(83,2,86,2,0,"else", 1, 2, 0);
	trans[0][87]	= settr(86,0,4,1,0,"goto again", 1, 2, 0);
	trans[0][89]	= settr(88,0,128,169,0,"((worker_stops<1))", 1, 2, 0);
	trans[0][90]	= settr(89,0,128,1,0,"goto stop", 0, 2, 0);
	T = trans[ 0][97] = settr(96,0,0,0,0,"sub-sequence", 0, 2, 0);
	T->nxt	= settr(96,0,96,0,0,"sub-sequence", 0, 2, 0);
/*->*/	trans[0][96]	= settr(95,32,101,170,170,"D_STEP70", 1, 2, 0);
	T = trans[0][101] = settr(100,0,0,0,0,"IF", 0, 2, 0);
	T = T->nxt	= settr(100,0,98,0,0,"IF", 0, 2, 0);
	    T->nxt	= settr(100,0,100,0,0,"IF", 0, 2, 0);
	trans[0][98]	= settr(97,0,128,171,0,"((worker_stops<1))", 1, 2, 0);
	trans[0][99]	= settr(98,0,128,1,0,"goto stop", 0, 2, 0);
	trans[0][102]	= settr(101,0,114,1,0,".(goto)", 0, 2, 0);
	trans[0][100]	= settr(99,0,114,1,0,"(1)", 0, 2, 0);
	T = trans[0][114] = settr(113,0,0,0,0,"IF", 0, 2, 0);
	T = T->nxt	= settr(113,0,103,0,0,"IF", 0, 2, 0);
	    T->nxt	= settr(113,0,105,0,0,"IF", 0, 2, 0);
	trans[0][103]	= settr(102,0,104,172,172,"((seen==boot))", 1, 2, 0);
	trans[0][104]	= settr(103,0,4,173,173,"up[w]!RESULT,mine", 1, 3, 0);
	trans[0][115]	= settr(114,0,4,1,0,".(goto)", 0, 2, 0);
	trans[0][105]	= settr(104,0,113,174,174,"((seen!=boot))", 1, 2, 0);
	T = trans[ 0][113] = settr(112,2,0,0,0,"ATOMIC", 1, 2, 0);
	T->nxt	= settr(112,2,106,0,0,"ATOMIC", 1, 2, 0);
	trans[0][106]	= settr(105,2,111,175,175,"seen = boot", 1, 2, 0); /* m: 107 -> 0,111 */
	reached0[107] = 1;
	trans[0][107]	= settr(0,0,0,0,0,"awaited = (awaited&~((1<<w)))",0,0,0);
	T = trans[0][111] = settr(110,2,0,0,0,"IF", 1, 2, 0);
	T = T->nxt	= settr(110,2,108,0,0,"IF", 1, 2, 0);
	    T->nxt	= settr(110,2,110,0,0,"IF", 1, 2, 0);
	trans[0][108]	= settr(107,0,4,176,176,"((state[mine]==running))", 1, 2, 0); /* m: 109 -> 4,0 */
	reached0[109] = 1;
	trans[0][109]	= settr(0,0,0,0,0,"state[mine] = completed",0,0,0);
	trans[0][112]	= settr(111,0,4,177,177,".(goto)", 1, 2, 0);
	trans[0][110]	= settr(109,2,112,2,0,"else", 1, 2, 0);
	trans[0][116]	= settr(115,0,4,1,0,"goto again", 0, 2, 0);
	T = trans[ 0][128] = settr(127,2,0,0,0,"ATOMIC", 1, 2, 0);
	T->nxt	= settr(127,2,117,0,0,"ATOMIC", 1, 2, 0);
	trans[0][117]	= settr(116,2,125,178,178,"worker_stops = (worker_stops+1)", 1, 2, 0);
	T = trans[ 0][125] = settr(124,0,0,0,0,"sub-sequence", 1, 2, 0);
	T->nxt	= settr(124,0,122,0,0,"sub-sequence", 1, 2, 0);
	trans[0][123]	= settr(122,2,122,1,0,".(goto)", 1, 2, 0);
	T = trans[0][122] = settr(121,2,0,0,0,"DO", 1, 2, 0);
	T = T->nxt	= settr(121,2,118,0,0,"DO", 1, 2, 0);
	T = T->nxt	= settr(121,2,119,0,0,"DO", 1, 2, 0);
	    T->nxt	= settr(121,2,120,0,0,"DO", 1, 2, 0);
	trans[0][118]	= settr(117,2,122,179,179,"up[w]?_,_", 1, 503, 0);
	trans[0][119]	= settr(118,2,122,180,180,"down[w]?_,_", 1, 504, 0);
	trans[0][120]	= settr(119,4,129,181,181,"((empty(up[w])&&empty(down[w])))", 1, 1003, 1004); /* m: 126 -> 129,0 */
	reached0[126] = 1;
	trans[0][121]	= settr(120,2,126,1,0,"goto :b0", 1, 2, 0); /* m: 126 -> 0,129 */
	reached0[126] = 1;
	trans[0][124]	= settr(123,2,126,1,0,"break", 1, 2, 0);
	trans[0][126]	= settr(125,4,129,182,182,"gone[w] = 1", 1, 2, 0); /* m: 127 -> 0,129 */
	reached0[127] = 1;
	trans[0][127]	= settr(0,0,0,0,0,"awaited = (awaited&~((1<<w)))",0,0,0);
	trans[0][129]	= settr(128,0,4,183,0,"(!(gone[w]))", 1, 2, 0);
	trans[0][130]	= settr(129,0,4,1,0,"goto again", 0, 2, 0);
	trans[0][131]	= settr(130,0,136,184,184,"done = (done+1)", 1, 2, 0);
	trans[0][137]	= settr(136,0,136,1,0,".(goto)", 0, 2, 0);
	T = trans[0][136] = settr(135,0,0,0,0,"DO", 0, 2, 0);
	T = T->nxt	= settr(135,0,132,0,0,"DO", 0, 2, 0);
	    T->nxt	= settr(135,0,134,0,0,"DO", 0, 2, 0);
	trans[0][132]	= settr(131,0,133,185,0,"(((awaited&(1<<w))!=0))", 1, 2, 0);
	trans[0][133]	= settr(132,0,136,186,186,"awaited = (awaited&~((1<<w)))", 1, 2, 0);
	trans[0][134]	= settr(133,0,139,187,0,"(((done==2)&&(awaited==0)))", 1, 2, 0);
	trans[0][135]	= settr(134,0,139,1,0,"goto :b1", 0, 2, 0);
	trans[0][138]	= settr(137,0,139,1,0,"break", 0, 2, 0);
	trans[0][139]	= settr(138,0,0,188,188,"-end-", 0, 3500, 0);
	/* np_ demon: */
	trans[_NP_] = (Trans **) emalloc(3*sizeof(Trans *));
	T = trans[_NP_][0] = settr(9997,0,1,_T5,0,"(np_)", 1,2,0);
	    T->nxt	  = settr(9998,0,0,_T2,0,"(1)",   0,2,0);
	T = trans[_NP_][1] = settr(9999,0,1,_T5,0,"(np_)", 1,2,0);
}

Trans *
settr(	int t_id, int a, int b, int c, int d,
	char *t, int g, int tpe0, int tpe1)
{	Trans *tmp = (Trans *) emalloc(sizeof(Trans));

	tmp->atom  = a&(6|32);	/* only (2|8|32) have meaning */
	if (!g) tmp->atom |= 8;	/* no global references */
	tmp->st    = b;
	tmp->tpe[0] = tpe0;
	tmp->tpe[1] = tpe1;
	tmp->tp    = t;
	tmp->t_id  = t_id;
	tmp->forw  = c;
	tmp->back  = d;
	return tmp;
}

Trans *
cpytr(Trans *a)
{	Trans *tmp = (Trans *) emalloc(sizeof(Trans));

	int i;
	tmp->atom  = a->atom;
	tmp->st    = a->st;
#ifdef HAS_UNLESS
	tmp->e_trans = a->e_trans;
	for (i = 0; i < HAS_UNLESS; i++)
		tmp->escp[i] = a->escp[i];
#endif
	tmp->tpe[0] = a->tpe[0];
	tmp->tpe[1] = a->tpe[1];
	for (i = 0; i < 6; i++)
	{	tmp->qu[i] = a->qu[i];
		tmp->ty[i] = a->ty[i];
	}
	tmp->tp    = (char *) emalloc(strlen(a->tp)+1);
	strcpy(tmp->tp, a->tp);
	tmp->t_id  = a->t_id;
	tmp->forw  = a->forw;
	tmp->back  = a->back;
	return tmp;
}

#ifndef NOREDUCE
int
srinc_set(int n)
{	if (n <= 2) return LOCAL;
	if (n <= 2+  DELTA) return Q_FULL_F; /* 's' or nfull  */
	if (n <= 2+2*DELTA) return Q_EMPT_F; /* 'r' or nempty */
	if (n <= 2+3*DELTA) return Q_EMPT_T; /* empty */
	if (n <= 2+4*DELTA) return Q_FULL_T; /* full  */
	if (n ==   5*DELTA) return GLOBAL;
	if (n ==   6*DELTA) return TIMEOUT_F;
	if (n ==   7*DELTA) return ALPHA_F;
	Uerror("cannot happen srinc_class");
	return BAD;
}
int
srunc(int n, int m)
{	switch(m) {
	case Q_FULL_F: return n-2;
	case Q_EMPT_F: return n-2-DELTA;
	case Q_EMPT_T: return n-2-2*DELTA;
	case Q_FULL_T: return n-2-3*DELTA;
	case ALPHA_F:
	case TIMEOUT_F: return 257; /* non-zero, and > MAXQ */
	}
	Uerror("cannot happen srunc");
	return 0;
}
#endif
int cnt;
#ifdef HAS_UNLESS
int
isthere(Trans *a, int b)
{	Trans *t;
	for (t = a; t; t = t->nxt)
		if (t->t_id == b)
			return 1;
	return 0;
}
#endif
#ifndef NOREDUCE
int
mark_safety(Trans *t) /* for conditional safety */
{	int g = 0, i, j, k;

	if (!t) return 0;
	if (t->qu[0])
		return (t->qu[1])?2:1;	/* marked */

	for (i = 0; i < 2; i++)
	{	j = srinc_set(t->tpe[i]);
		if (j >= GLOBAL && j != ALPHA_F)
			return -1;
		if (j != LOCAL)
		{	k = srunc(t->tpe[i], j);
			if (g == 0
			||  t->qu[0] != k
			||  t->ty[0] != j)
			{	t->qu[g] = k;
				t->ty[g] = j;
				g++;
	}	}	}
	return g;
}
#endif
void
retrans(int n, int m, int is, short srcln[], uchar reach[], uchar lpstate[])
	/* process n, with m states, is=initial state */
{	Trans *T0, *T1, *T2, *T3;
	Trans *T4, *T5; /* t_reverse or has_unless */
	int i;
#if defined(HAS_UNLESS) || !defined(NOREDUCE)
	int k;
#endif
#ifndef NOREDUCE
	int g, h, j, aa;
#endif
#ifdef HAS_UNLESS
	int p;
#endif
	if (state_tables >= 4)
	{	printf("STEP 1 %s\n", 
			procname[n]);
		for (i = 1; i < m; i++)
		for (T0 = trans[n][i]; T0; T0 = T0->nxt)
			crack(n, i, T0, srcln);
		return;
	}
	do {
		for (i = 1, cnt = 0; i < m; i++)
		{	T2 = trans[n][i];
			T1 = T2?T2->nxt:(Trans *)0;
/* prescan: */		for (T0 = T1; T0; T0 = T0->nxt)
/* choice in choice */	{	if (T0->st && trans[n][T0->st]
				&&  trans[n][T0->st]->nxt)
					break;
			}
#if 0
		if (T0)
		printf("\tstate %d / %d: choice in choice\n",
		i, T0->st);
#endif
			if (T0)
			for (T0 = T1; T0; T0 = T0->nxt)
			{	T3 = trans[n][T0->st];
				if (!T3->nxt)
				{	T2->nxt = cpytr(T0);
					T2 = T2->nxt;
					imed(T2, T0->st, n, i);
					continue;
				}
				do {	T3 = T3->nxt;
					T2->nxt = cpytr(T3);
					T2 = T2->nxt;
					imed(T2, T0->st, n, i);
				} while (T3->nxt);
				cnt++;
			}
		}
	} while (cnt);
	if (state_tables >= 3)
	{	printf("STEP 2 %s\n", 
			procname[n]);
		for (i = 1; i < m; i++)
		for (T0 = trans[n][i]; T0; T0 = T0->nxt)
			crack(n, i, T0, srcln);
		return;
	}
	for (i = 1; i < m; i++)
	{	if (trans[n][i] && trans[n][i]->nxt) /* optimize */
		{	T1 = trans[n][i]->nxt;
#if 0
			printf("\t\tpull %d (%d) to %d\n",
			T1->st, T1->forw, i);
#endif
			srcln[i] = srcln[T1->st];	/* Oyvind Teig, 5.2.0 */

			if (!trans[n][T1->st]) continue;
			T0 = cpytr(trans[n][T1->st]);
			trans[n][i] = T0;
			reach[T1->st] = 1;
			imed(T0, T1->st, n, i);
			for (T1 = T1->nxt; T1; T1 = T1->nxt)
			{
#if 0
			printf("\t\tpull %d (%d) to %d\n",
				T1->st, T1->forw, i);
#endif
		/*		srcln[i] = srcln[T1->st];  gh: not useful */
				if (!trans[n][T1->st]) continue;
				T0->nxt = cpytr(trans[n][T1->st]);
				T0 = T0->nxt;
				reach[T1->st] = 1;
				imed(T0, T1->st, n, i);
	}	}	}
	if (state_tables >= 2)
	{	printf("STEP 3 %s\n", 
			procname[n]);
		for (i = 1; i < m; i++)
		for (T0 = trans[n][i]; T0; T0 = T0->nxt)
			crack(n, i, T0, srcln);
		return;
	}
#ifdef HAS_UNLESS
	for (i = 1; i < m; i++)
	{	if (!trans[n][i]) continue;
		/* check for each state i if an
		 * escape to some state p is defined
		 * if so, copy and mark p's transitions
		 * and prepend them to the transition-
		 * list of state i
		 */
	 if (!like_java) /* the default */
	 {	for (T0 = trans[n][i]; T0; T0 = T0->nxt)
		for (k = HAS_UNLESS-1; k >= 0; k--)
		{	if (p = T0->escp[k])
			for (T1 = trans[n][p]; T1; T1 = T1->nxt)
			{	if (isthere(trans[n][i], T1->t_id))
					continue;
				T2 = cpytr(T1);
				T2->e_trans = p;
				T2->nxt = trans[n][i];
				trans[n][i] = T2;
		}	}
	 } else /* outermost unless checked first */
	 {	T4 = T3 = (Trans *) 0;
		for (T0 = trans[n][i]; T0; T0 = T0->nxt)
		for (k = HAS_UNLESS-1; k >= 0; k--)
		{	if (p = T0->escp[k])
			for (T1 = trans[n][p]; T1; T1 = T1->nxt)
			{	if (isthere(trans[n][i], T1->t_id))
					continue;
				T2 = cpytr(T1);
				T2->nxt = (Trans *) 0;
				T2->e_trans = p;
				if (T3)	T3->nxt = T2;
				else	T4 = T2;
				T3 = T2;
		}	}
		if (T4)
		{	T3->nxt = trans[n][i];
			trans[n][i] = T4;
		}
	 }
	}
#endif
#ifndef NOREDUCE
	for (i = 1; i < m; i++)
	{	if (a_cycles)
		{ /* moves through these states are visible */
	#if PROG_LAB>0 && defined(HAS_NP)
			if (progstate[n][i])
				goto degrade;
			for (T1 = trans[n][i]; T1; T1 = T1->nxt)
				if (progstate[n][T1->st])
					goto degrade;
	#endif
			if (accpstate[n][i] || visstate[n][i])
				goto degrade;
			for (T1 = trans[n][i]; T1; T1 = T1->nxt)
				if (accpstate[n][T1->st])
					goto degrade;
		}
		T1 = trans[n][i];
		if (!T1) continue;
		g = mark_safety(T1);	/* V3.3.1 */
		if (g < 0) goto degrade; /* global */
		/* check if mixing of guards preserves reduction */
		if (T1->nxt)
		{	k = 0;
			for (T0 = T1; T0; T0 = T0->nxt)
			{	if (!(T0->atom&8))
					goto degrade;
				for (aa = 0; aa < 2; aa++)
				{	j = srinc_set(T0->tpe[aa]);
					if (j >= GLOBAL && j != ALPHA_F)
						goto degrade;
					if (T0->tpe[aa]
					&&  T0->tpe[aa]
					!=  T1->tpe[0])
						k = 1;
			}	}
			/* g = 0;	V3.3.1 */
			if (k)	/* non-uniform selection */
			for (T0 = T1; T0; T0 = T0->nxt)
			for (aa = 0; aa < 2; aa++)
			{	j = srinc_set(T0->tpe[aa]);
				if (j != LOCAL)
				{	k = srunc(T0->tpe[aa], j);
					for (h = 0; h < 6; h++)
						if (T1->qu[h] == k
						&&  T1->ty[h] == j)
							break;
					if (h >= 6)
					{	T1->qu[g%6] = k;
						T1->ty[g%6] = j;
						g++;
			}	}	}
			if (g > 6)
			{	T1->qu[0] = 0;	/* turn it off */
				printf("pan: warning, line %d, ",
					srcln[i]);
			 	printf("too many stmnt types (%d)",
					g);
			  	printf(" in selection\n");
			  goto degrade;
			}
		}
		/* mark all options global if >=1 is global */
		for (T1 = trans[n][i]; T1; T1 = T1->nxt)
			if (!(T1->atom&8)) break;
		if (T1)
degrade:	for (T1 = trans[n][i]; T1; T1 = T1->nxt)
			T1->atom &= ~8;	/* mark as unsafe */
		/* can only mix 'r's or 's's if on same chan */
		/* and not mixed with other local operations */
		T1 = trans[n][i];
		if (!T1 || T1->qu[0]) continue;
		j = T1->tpe[0];
		if (T1->nxt && T1->atom&8)
		{ if (j == 5*DELTA)
		  {	printf("warning: line %d ", srcln[i]);
			printf("mixed condition ");
			printf("(defeats reduction)\n");
			goto degrade;
		  }
		  for (T0 = T1; T0; T0 = T0->nxt)
		  for (aa = 0; aa < 2; aa++)
		  if  (T0->tpe[aa] && T0->tpe[aa] != j)
		  {	printf("warning: line %d ", srcln[i]);
			printf("[%d-%d] mixed %stion ",
				T0->tpe[aa], j, 
				(j==5*DELTA)?"condi":"selec");
			printf("(defeats reduction)\n");
			printf("	'%s' <-> '%s'\n",
				T1->tp, T0->tp);
			goto degrade;
		} }
	}
#endif
	for (i = 1; i < m; i++)
	{	T2 = trans[n][i];
		if (!T2
		||  T2->nxt
		||  strncmp(T2->tp, ".(goto)", 7)
		||  !stopstate[n][i])
			continue;
		stopstate[n][T2->st] = 1;
	}
	if (state_tables && !verbose)
	{	if (dodot)
		{	char buf[256], *q = buf, *p = procname[n];
			while (*p != '\0')
			{	if (*p != ':')
				{	*q++ = *p;
				}
				p++;
			}
			*q = '\0';
			printf("digraph ");
			switch (Btypes[n]) {
			case I_PROC:  printf("init {\n"); break;
			case N_CLAIM: printf("claim_%s {\n", buf); break;
			case E_TRACE: printf("notrace {\n"); break;
			case N_TRACE: printf("trace {\n"); break;
			default:      printf("p_%s {\n", buf); break;
			}
			printf("size=\"8,10\";\n");
			printf("  GT [shape=box,style=dotted,label=\"%s\"];\n", buf);
			printf("  GT -> S%d;\n", is);
		} else
		{	switch (Btypes[n]) {
			case I_PROC:  printf("init\n"); break;
			case N_CLAIM: printf("claim %s\n", procname[n]); break;
			case E_TRACE: printf("notrace assertion\n"); break;
			case N_TRACE: printf("trace assertion\n"); break;
			default:      printf("proctype %s\n", procname[n]); break;
		}	}
		for (i = 1; i < m; i++)
		{	reach[i] = 1;
		}
		tagtable(n, m, is, srcln, reach);
		if (dodot) printf("}\n");
	} else
	for (i = 1; i < m; i++)
	{	int nrelse;
		if (Btypes[n] != N_CLAIM)
		{	for (T0 = trans[n][i]; T0; T0 = T0->nxt)
			{	if (T0->st == i
				&& strcmp(T0->tp, "(1)") == 0)
				{	printf("error: proctype '%s' ",
						procname[n]);
		  			printf("line %d, state %d: has un",
						srcln[i], i);
					printf("conditional self-loop\n");
					pan_exit(1);
		}	}	}
		nrelse = 0;
		for (T0 = trans[n][i]; T0; T0 = T0->nxt)
		{	if (strcmp(T0->tp, "else") == 0)
				nrelse++;
		}
		if (nrelse > 1)
		{	printf("error: proctype '%s' state",
				procname[n]);
		  	printf(" %d, inherits %d", i, nrelse);
		  	printf(" 'else' stmnts\n");
			pan_exit(1);
	}	}
#if !defined(LOOPSTATE) && !defined(BFS_PAR)
	if (state_tables)
#endif
	do_dfs(n, m, is, srcln, reach, lpstate);

	if (!t_reverse)
	{	return;
	}
	/* process n, with m states, is=initial state -- reverse list */
	if (!state_tables && Btypes[n] != N_CLAIM)
	{	for (i = 1; i < m; i++)
		{	Trans *Tx = (Trans *) 0; /* list of escapes */
			Trans *Ty = (Trans *) 0; /* its tail element */
			T1 = (Trans *) 0; /* reversed list */
			T2 = (Trans *) 0; /* its tail */
			T3 = (Trans *) 0; /* remembers possible 'else' */

			/* find unless-escapes, they should go first */
			T4 = T5 = T0 = trans[n][i];
	#ifdef HAS_UNLESS
			while (T4 && T4->e_trans) /* escapes are first in orig list */
			{	T5 = T4;	  /* remember predecessor */
				T4 = T4->nxt;
			}
	#endif
			/* T4 points to first non-escape, T5 to its parent, T0 to original list */
			if (T4 != T0)		 /* there was at least one escape */
			{	T3 = T5->nxt;		 /* start of non-escapes */
				T5->nxt = (Trans *) 0;	 /* separate */
				Tx = T0;		 /* start of the escapes */
				Ty = T5;		 /* its tail */
				T0 = T3;		 /* the rest, to be reversed */
			}
			/* T0 points to first non-escape, Tx to the list of escapes, Ty to its tail */

			/* first tail-add non-escape transitions, reversed */
			T3 = (Trans *) 0;
			for (T5 = T0; T5; T5 = T4)
			{	T4 = T5->nxt;
	#ifdef HAS_UNLESS
				if (T5->e_trans)
				{	printf("error: cannot happen!\n");
					continue;
				}
	#endif
				if (strcmp(T5->tp, "else") == 0)
				{	T3 = T5;
					T5->nxt = (Trans *) 0;
				} else
				{	T5->nxt = T1;
					if (!T1) { T2 = T5; }
					T1 = T5;
			}	}
			/* T3 points to a possible else, which is removed from the list */
			/* T1 points to the reversed list so far (without escapes) */
			/* T2 points to the tail element -- where the else should go */
			if (T2 && T3)
			{	T2->nxt = T3;	/* add else */
			} else
			{	if (T3) /* there was an else, but there's no tail */
				{	if (!T1)	/* and no reversed list */
					{	T1 = T3; /* odd, but possible */
					} else		/* even stranger */
					{	T1->nxt = T3;
			}	}	}

			/* add in the escapes, to that they appear at the front */
			if (Tx && Ty) { Ty->nxt = T1; T1 = Tx; }

			trans[n][i] = T1;
			/* reversed, with escapes first and else last */
	}	}
	if (state_tables && verbose)
	{	printf("FINAL proctype %s\n", 
			procname[n]);
		for (i = 1; i < m; i++)
		for (T0 = trans[n][i]; T0; T0 = T0->nxt)
			crack(n, i, T0, srcln);
	}
}
void
imed(Trans *T, int v, int n, int j)	/* set intermediate state */
{	progstate[n][T->st] |= progstate[n][v];
	accpstate[n][T->st] |= accpstate[n][v];
	stopstate[n][T->st] |= stopstate[n][v];
	mapstate[n][j] = T->st;
}
void
tagtable(int n, int m, int is, short srcln[], uchar reach[])
{	Trans *z;

	if (is >= m || !trans[n][is]
	||  is <= 0 || reach[is] == 0)
		return;
	reach[is] = 0;
	if (state_tables)
	for (z = trans[n][is]; z; z = z->nxt)
	{	if (dodot)
			dot_crack(n, is, z);
		else
			crack(n, is, z, srcln);
	}

	for (z = trans[n][is]; z; z = z->nxt)
	{
#ifdef HAS_UNLESS
		int i, j;
#endif
		tagtable(n, m, z->st, srcln, reach);
#ifdef HAS_UNLESS
		for (i = 0; i < HAS_UNLESS; i++)
		{	j = trans[n][is]->escp[i];
			if (!j) break;
			tagtable(n, m, j, srcln, reach);
		}
#endif
	}
}

extern Trans *t_id_lkup[];

void
dfs_table(int n, int m, int is, short srcln[], uchar reach[], uchar lpstate[])
{	Trans *z;

	if (is >= m || is <= 0 || !trans[n][is])
		return;
	if ((reach[is] & (4|8|16)) != 0)
	{	if ((reach[is] & (8|16)) == 16)	/* on stack, not yet recorded */
		{	lpstate[is] = 1;
			reach[is] |= 8; /* recorded */
			if (state_tables && verbose)
			{	printf("state %d line %d is a loopstate\n", is, srcln[is]);
		}	}
		return;
	}
	reach[is] |= (4|16);	/* visited | onstack */
	for (z = trans[n][is]; z; z = z->nxt)
	{	t_id_lkup[z->t_id] = z;
#ifdef HAS_UNLESS
		int i, j;
#endif
		dfs_table(n, m, z->st, srcln, reach, lpstate);
#ifdef HAS_UNLESS
		for (i = 0; i < HAS_UNLESS; i++)
		{	j = trans[n][is]->escp[i];
			if (!j) break;
			dfs_table(n, m, j, srcln, reach, lpstate);
		}
#endif
	}
	reach[is] &= ~16; /* no longer on stack */
}
void
do_dfs(int n, int m, int is, short srcln[], uchar reach[], uchar lpstate[])
{	int i;
	dfs_table(n, m, is, srcln, reach, lpstate);
	for (i = 0; i < m; i++)
		reach[i] &= ~(4|8|16);
}
void
crack(int n, int j, Trans *z, short srcln[])
{	int i;

	if (!z) return;
	printf("	state %3d -(tr %3d)-> state %3d  ",
		j, z->forw, z->st);
	printf("[id %3d tp %3d", z->t_id, z->tpe[0]);
	if (z->tpe[1]) printf(",%d", z->tpe[1]);
#ifdef HAS_UNLESS
	if (z->e_trans)
		printf(" org %3d", z->e_trans);
	else if (state_tables >= 2)
	for (i = 0; i < HAS_UNLESS; i++)
	{	if (!z->escp[i]) break;
		printf(" esc %d", z->escp[i]);
	}
#endif
	printf("]");
	printf(" [%s%s%s%s%s] %s:%d => ",
		z->atom&6?"A":z->atom&32?"D":"-",
		accpstate[n][j]?"a" :"-",
		stopstate[n][j]?"e" : "-",
		progstate[n][j]?"p" : "-",
		z->atom & 8 ?"L":"G",
		PanSource, srcln[j]);
	for (i = 0; z->tp[i]; i++)
		if (z->tp[i] == '\n')
			printf("\\n");
		else
			putchar(z->tp[i]);
	if (verbose && z->qu[0])
	{	printf("\t[");
		for (i = 0; i < 6; i++)
			if (z->qu[i])
				printf("(%d,%d)",
				z->qu[i], z->ty[i]);
		printf("]");
	}
	printf("\n");
	fflush(stdout);
}
/* spin -a m.pml; cc -o pan pan.c; ./pan -D | dot -Tps > foo.ps; ps2pdf foo.ps */
void
dot_crack(int n, int j, Trans *z)
{	int i;

	if (!z) return;
	printf("	S%d -> S%d  [color=black", j, z->st);

	if (z->atom&6) printf(",style=dashed");
	else if (z->atom&32) printf(",style=dotted");
	else if (z->atom&8) printf(",style=solid");
	else printf(",style=bold");

	printf(",label=\"");
	for (i = 0; z->tp[i]; i++)
	{	if (z->tp[i] == '\\'
		&&  z->tp[i+1] == 'n')
		{	i++; printf(" ");
		} else
		{	putchar(z->tp[i]);
	}	}
	printf("\"];\n");
	if (accpstate[n][j]) printf("  S%d [color=red,style=bold];\n", j);
	else if (progstate[n][j]) printf("  S%d [color=green,style=bold];\n", j);
	if (stopstate[n][j]) printf("  S%d [color=blue,style=bold,shape=box];\n", j);
}

#ifdef VAR_RANGES
#define BYTESIZE	32	/* 2^8 : 2^3 = 256:8 = 32 */

typedef struct Vr_Ptr {
	char	*nm;
	uchar	vals[BYTESIZE];
	struct Vr_Ptr *nxt;
} Vr_Ptr;
Vr_Ptr *ranges = (Vr_Ptr *) 0;

void
logval(char *s, int v)
{	Vr_Ptr *tmp;

	if (v<0 || v > 255) return;
	for (tmp = ranges; tmp; tmp = tmp->nxt)
		if (!strcmp(tmp->nm, s))
			goto found;
	tmp = (Vr_Ptr *) emalloc(sizeof(Vr_Ptr));
	tmp->nxt = ranges;
	ranges = tmp;
	tmp->nm = s;
found:
	tmp->vals[(v)/8] |= 1<<((v)%8);
}

void
dumpval(uchar X[], int range)
{	int w, x, i, j = -1;

	for (w = i = 0; w < range; w++)
	for (x = 0; x < 8; x++, i++)
	{
from:		if ((X[w] & (1<<x)))
		{	printf("%d", i);
			j = i;
			goto upto;
	}	}
	return;
	for (w = 0; w < range; w++)
	for (x = 0; x < 8; x++, i++)
	{
upto:		if (!(X[w] & (1<<x)))
		{	if (i-1 == j)
				printf(", ");
			else
				printf("-%d, ", i-1);
			goto from;
	}	}
	if (j >= 0 && j != 255)
		printf("-255");
}

void
dumpranges(void)
{	Vr_Ptr *tmp;
	printf("\nValues assigned within ");
	printf("interval [0..255]:\n");
	for (tmp = ranges; tmp; tmp = tmp->nxt)
	{	printf("\t%s\t: ", tmp->nm);
		dumpval(tmp->vals, BYTESIZE);
		printf("\n");
	}
}
#endif
