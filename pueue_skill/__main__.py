from pueue_skill.cli import main

raise SystemExit(main())
